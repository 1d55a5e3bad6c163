"""Readers whose rows are computed from what is stored, as float32: the base of all that decode."""

from __future__ import annotations

import threading
from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.header import TensorRef
from rowscope.inspector.rows.blocks import Ids, RowReader
from rowscope.kernels import formats

Singles = NDArray[np.float32]

_FORM = formats.FORMATS["F32"]


class ComputedRows(RowReader):
    """A reader of rows that stand in no file as they are: `_compute` makes them.

    `block` fills a buffer of the calling thread, so what it returns is valid until that thread's next call.

    Args:
        ref: the tensor that gives the table its name.
        rows, width: of the computed table.
    """

    chunk_bytes: int | None = 4 << 20  # few enough to stay in the processor's cache until they are used

    def __init__(self, ref: TensorRef, rows: int, width: int) -> None:
        self.ref = ref
        self.rows, self.width = rows, width
        self.form = _FORM
        self.dtype = _FORM.name
        self.row_bytes = 4 * width
        self.assumption = None
        self._local = threading.local()

    @abstractmethod
    def expect(self, ids: Ids | None) -> None:
        """See `RowReader.expect`: what the rows are computed from."""

    @abstractmethod
    def _compute(self, ids: Ids, out: Singles) -> None:
        """Fill `out`, shape (n, width), with the rows `ids`; a range stands for consecutive rows."""

    def block(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Bytes of the rows [start, stop), shape (stop - start, row_bytes): a buffer of this thread."""
        size = (stop - start) * self.width
        buffer: Singles | None = getattr(self._local, "buffer", None)
        if buffer is None or buffer.size < size:
            buffer = self._local.buffer = np.empty(size, dtype=np.float32)
        values = buffer[:size].reshape(stop - start, self.width)
        self._compute(range(start, stop), values)
        return values.view(np.uint8)

    def gather(self, ids: NDArray[np.int64], first: int = 0, last: int | None = None) -> NDArray[np.uint8]:
        """Bytes [first, last) of the rows `ids`, in that order: a copy.

        Raises:
            UsageError: an id is not in [0, rows).
        """
        self.check(ids)
        values = np.empty((ids.size, self.width), dtype=np.float32)
        step = max(1, (4 << 20) // max(self.row_bytes, 1))
        for start in range(0, ids.size, step):
            self._compute(ids[start : start + step], values[start : start + step])
        raw = values.view(np.uint8)
        return raw if first == 0 and last is None else np.ascontiguousarray(raw[:, first:last])
