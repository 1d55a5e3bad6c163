"""Rows of a matrix whose parts lie in several files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import UndecodableError
from rowscope.inspector.header import TensorRef
from rowscope.inspector.rows.blocks import Ids, RowReader
from rowscope.kernels import formats


class PiecedRows(RowReader):
    """As `RowReader`, for a tensor in pieces: rows within one piece are views, others are put together.

    Raises:
        UndecodableError: as `RowReader`.
    """

    def __init__(self, ref: TensorRef) -> None:
        self.ref = ref
        self.dtype = ref.dtype
        self.rows, self.width = ref.shape
        self._parts = [(piece.at, RowReader(piece.ref)) for piece in ref.pieces]
        self.form = self._parts[0][1].form
        self.assumption = formats.ASSUMPTIONS.get(ref.dtype)
        row_bytes = self.form.row_bytes(self.width)
        if row_bytes is None:
            self.close()
            raise UndecodableError(
                f"{ref.name!r} has rows of {self.width:,} {ref.dtype} elements, which do not end on a byte; "
                "convert the tensor to a dtype of whole bytes to audit it",
                location=ref.name,
            )
        self.row_bytes = row_bytes

    def expect(self, ids: Ids | None) -> None:
        for (row, _), part in self._parts:
            if ids is None:
                part.expect(None)
            else:
                index = np.asarray(ids, dtype=np.int64)
                part.expect(index[(index >= row) & (index < row + part.rows)] - row)

    def block(self, start: int, stop: int) -> NDArray[np.uint8]:
        for (row, _), part in self._parts:
            if row <= start and stop <= row + part.rows and part.width == self.width:
                return part.block(start - row, stop - row)
        return self.gather(np.arange(start, stop, dtype=np.int64))

    def gather(self, ids: NDArray[np.int64], first: int = 0, last: int | None = None) -> NDArray[np.uint8]:
        self.check(ids)
        last = self.row_bytes if last is None else last
        result = np.empty((ids.size, last - first), dtype=np.uint8)
        for (row, column), part in self._parts:
            begin = column * self.form.bits // 8
            low, high = max(first, begin), min(last, begin + part.row_bytes)
            here = np.flatnonzero((ids >= row) & (ids < row + part.rows))
            if here.size and low < high:
                result[here, low - first : high - first] = part.gather(
                    ids[here] - row, low - begin, high - begin
                )
        return result

    def release(self, start: int, stop: int) -> None:
        for (row, _), part in self._parts:
            low, high = max(start - row, 0), min(stop - row, part.rows)
            if low < high:
                part.release(low, high)

    def close(self) -> None:
        for _, part in self._parts:
            part.close()
