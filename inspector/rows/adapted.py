"""Rows of a table with an adapter on it, computed block by block into float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices import Change
from rowscope.inspector.rows.blocks import Ids, RowReader
from rowscope.inspector.rows.computed import ComputedRows

Singles = NDArray[np.float32]


class AdaptedRows(ComputedRows):
    """Reads base rows and applies a change to them; several threads may share one reader.

    Args:
        base: the rows beneath; closed with this reader.
        change: what the adapter does (`Change.trouble` must be None).
    """

    def __init__(self, base: RowReader, change: Change) -> None:
        super().__init__(base.ref, base.rows, base.width)
        self._base = base
        self._change = change
        self._ids = np.array(change.ids, dtype=np.int64)
        self._values = None if change.tokens is None else _matrix(change.tokens)
        self._a = self._b = self._magnitude = None
        if change.a is not None and change.b is not None:
            a, b = _matrix(change.a), _matrix(change.b)
            self._a, self._b = (b.T, a.T) if change.embedding else (a, b)
        if change.magnitude is not None:
            self._magnitude = _matrix(change.magnitude).reshape(-1)

    def _compute(self, ids: Ids, out: Singles) -> None:
        index = np.asarray(ids, dtype=np.int64)
        out[:] = self._base.decode(index)
        if self._a is not None and self._b is not None:
            out += self._change.scale * (self._b[index] @ self._a)
            if self._magnitude is not None:
                norms = np.sqrt((out.astype(np.float64) ** 2).sum(axis=1))
                with np.errstate(all="ignore"):
                    out *= (self._magnitude[index] / norms).astype(np.float32)[:, None]
        if self._values is not None:
            for at, id in enumerate(self._ids.tolist()):
                out[index == id] = self._values[at]

    def expect(self, ids: Ids | None) -> None:
        self._base.expect(ids)

    def release(self, start: int, stop: int) -> None:
        self._base.release(start, stop)

    def close(self) -> None:
        self._base.close()


def _matrix(ref: TensorRef) -> Singles:
    """A whole tensor as float32, in two dimensions; one of a single dimension as a row."""
    flat = ref if len(ref.shape) == 2 else _as_row(ref)
    with RowReader(flat) as reader:
        return reader.decode(np.arange(reader.rows, dtype=np.int64)).astype(np.float32)


def _as_row(ref: TensorRef) -> TensorRef:
    from dataclasses import replace

    size = int(np.prod(ref.shape, dtype=np.int64))
    return replace(ref, info=replace(ref.info, shape=(1, size)))
