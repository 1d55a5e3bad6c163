"""Rows of one stored matrix as bytes: views of the mapping, gathered copies, exact values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import union
from rowscope.inspector.errors import UndecodableError, UsageError
from rowscope.inspector.header import TensorRef
from rowscope.inspector.storage import Closing
from rowscope.kernels import formats
from rowscope.kernels.results import GroupSums, RowColumns

Ids = NDArray[np.int64] | range

EngineChoice = Literal["auto", "numba", "numpy"]

GATHERED_ROWS = 256
"""Rows gathered before their pages are released."""

DENSE = 8
"""Rows that lie further apart than this on average are read one by one: the system maps up to 2 MiB
around each page of a mapping that is touched, so scattered rows cost far more resident memory than their
own bytes."""

_NEAR = 2 << 20  # bytes within which rows are mapped at once, however scattered


class RowReader(Closing):
    """Reads the rows of a two-dimensional tensor; several threads may share one reader.

    Attributes:
        rows, width: the shape.
        dtype: the format's spelling, `BF16`.
        form: how elements become values.
        row_bytes: bytes of a row.
        assumption: what had to be assumed to decode the dtype, or None.

    Raises:
        UndecodableError: the tensor is not a matrix, or its values cannot be decoded (BOOL, C64, or elements
            narrower than a byte in rows that do not end on one).
        CheckpointError, MalformedFileError: see `storage.OpenFile`.
    """

    chunk_bytes: int | None = None
    """Most bytes of rows that are worked on at once; None for as many as rows that are only mapped bear."""

    scan_bytes: int | None = None
    """The same for a scan; None for as with all other work."""

    def __init__(self, ref: TensorRef) -> None:
        self.ref = ref
        self.dtype = ref.dtype
        if len(ref.shape) != 2:
            raise UndecodableError(
                f"{ref.name!r} has the shape {list(ref.shape)}, not rows and columns; name a matrix",
                location=ref.name,
            )
        self.rows, self.width = ref.shape
        form = formats.FORMATS.get(ref.dtype)
        if form is None:
            raise UndecodableError(
                f"{ref.name!r} holds {ref.dtype} elements, which are not numbers that rowscope decodes; "
                "convert the tensor to a float dtype to audit it",
                location=ref.name,
            )
        row_bytes = form.row_bytes(self.width)
        if row_bytes is None:
            raise UndecodableError(
                f"{ref.name!r} has rows of {self.width:,} {ref.dtype} elements, which do not end on a byte; "
                "convert the tensor to a dtype of whole bytes to audit it",
                location=ref.name,
            )
        self.form = form
        self.row_bytes = row_bytes
        self.assumption = formats.ASSUMPTIONS.get(ref.dtype)
        self._file = ref.shard.file.open()

    def use(self, engine: EngineChoice, elements: int) -> None:
        """Say what so many elements are to be computed with: of no account where rows are only mapped."""

    def scan(
        self, ids: Ids, out: RowColumns, groups: NDArray[np.int8] | None, sums: GroupSums | None
    ) -> bool:
        """Scan rows without making a block of them first, where that is faster; whether it was done."""
        return False

    def expect(self, ids: Ids | None) -> None:
        """Say which rows will be read soon, None for all: from a remote place they are fetched meanwhile.

        Raises:
            UsageError: an id is not in [0, rows).
            RemoteError: they are more than may be fetched.
        """
        if ids is not None and not isinstance(ids, range):
            self.check(ids)
        self._file.expect(self._ranges(range(self.rows) if ids is None else ids, 0, self.row_bytes))

    def _ranges(self, ids: Ids, first: int, last: int) -> list[tuple[int, int]]:
        """Where bytes [first, last) of rows are in the file, neighbours as one range."""
        at, size = self.ref.offset, self.row_bytes
        if isinstance(ids, range):
            return [(at + ids.start * size, at + ids.stop * size)]
        if (first, last) != (0, size):
            return [(at + id * size + first, at + id * size + last) for id in ids.tolist()]
        rows = union(ids)
        cuts = np.flatnonzero(np.diff(rows) != 1) + 1
        runs = [run for run in np.split(rows, cuts) if run.size]
        return [(at + int(run[0]) * size, at + (int(run[-1]) + 1) * size) for run in runs]

    def block(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Bytes of the rows [start, stop), shape (stop - start, row_bytes): a view of the map."""
        first = self.ref.offset
        view = self._file.view(first + start * self.row_bytes, first + stop * self.row_bytes)
        return np.frombuffer(view, dtype=np.uint8).reshape(stop - start, self.row_bytes)

    def gather(self, ids: NDArray[np.int64], first: int = 0, last: int | None = None) -> NDArray[np.uint8]:
        """Bytes of the rows `ids`, in that order, shape (len(ids), row_bytes): a copy.

        `first` and `last` choose bytes [first, last) of each row.

        Raises:
            UsageError: an id is not in [0, rows).
        """
        self.check(ids)
        last = self.row_bytes if last is None else last
        result = np.empty((ids.size, last - first), dtype=np.uint8)
        if ids.size and not self._held(ids):
            self._file.expect(self._ranges(ids, first, last))
        for start in range(0, ids.size, GATHERED_ROWS):
            some = ids[start : start + GATHERED_ROWS]
            low, high = int(some.min()), int(some.max()) + 1
            scattered = high - low > DENSE * some.size and (high - low) * self.row_bytes > _NEAR
            if scattered or not self._held(some):
                self._read_into(result[start : start + some.size], some, first, last)
                continue
            result[start : start + some.size] = self.block(low, high)[some - low, first:last]
            self.release(low, high)
        return result

    def read(self, ids: Sequence[int], first: int, last: int) -> list[bytes]:
        """Bytes [first, last) of rows, as copies that map nothing."""
        starts = [self.ref.offset + id * self.row_bytes for id in ids]
        return self._file.read_ranges([(at + first, at + last) for at in starts])

    def _held(self, ids: NDArray[np.int64]) -> bool:
        """Whether rows and all that lies between them are at hand."""
        at = self.ref.offset
        return self._file.holds(
            at + int(ids.min()) * self.row_bytes, at + (int(ids.max()) + 1) * self.row_bytes
        )

    def _read_into(self, rows: NDArray[np.uint8], ids: NDArray[np.int64], first: int, last: int) -> None:
        for row, data in zip(rows, self.read(ids.tolist(), first, last), strict=True):
            row[:] = np.frombuffer(data, dtype=np.uint8)

    def decode(self, ids: NDArray[np.int64], first: int = 0, last: int | None = None) -> NDArray[np.float64]:
        """Values of the rows `ids`, shape (len(ids), width); exact for every dtype up to 53 significant bits.

        `first` and `last` choose the columns [first, last); they must fall on whole bytes.
        """
        last = self.width if last is None else last
        raw = self.gather(ids, first * self.form.bits // 8, last * self.form.bits // 8)
        return formats.to_float64(self.form, formats.unpack(self.form, raw))

    def release(self, start: int, stop: int) -> None:
        """Give the memory of the rows [start, stop) back to the system; they can be read again."""
        first = self.ref.offset
        self._file.release(first + start * self.row_bytes, first + stop * self.row_bytes)

    @property
    def stored_dtype(self) -> str:
        """The dtype of what `stored` returns."""
        return self.dtype

    def stored(self, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The bytes of rows as they stand in the file, uint8 [n, bytes]; of quantised ones without scales."""
        return self.gather(ids)

    @property
    def grain_bits(self) -> int | None:
        """Bits of a stored element of a quantised table; None for plain values."""
        return None

    def noise(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Expected Euclidean distance between the rows `ids` and what they were before they were quantised,
        float64 [n]; 0 for plain values."""
        return np.zeros(ids.size)

    def check(self, ids: NDArray[np.int64]) -> None:
        """Raise UsageError where an id is not in [0, rows)."""
        wrong = ids[(ids < 0) | (ids >= self.rows)]
        if wrong.size:
            raise UsageError(
                f"row {int(wrong[0])} is not in {self.ref.name!r}, which has {self.rows:,} rows; "
                f"give ids from 0 to {self.rows - 1}",
                location=self.ref.name,
            )

    def close(self) -> None:
        self._file.close()
