"""Tensors of a packed table -> numbers of its rows: a reader for each way in which rows lie in a tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.header import TensorRef
from rowscope.inspector.rows.blocks import Ids, RowReader
from rowscope.kernels import formats
from rowscope.kernels.decode.scaling import Numbers

if TYPE_CHECKING:
    from rowscope.inspector.matrices import Part

Singles = NDArray[np.float32]

_WORD: Final = 32

_HALVES: Final = {"F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
"""How `Numbers` of these dtypes look."""


def singles(dtype: str, raw: NDArray[np.uint8]) -> Singles:
    """Bytes of rows, shape (n, row bytes), as numbers, float32 (n, width), rounded where they do not fit."""
    form = formats.FORMATS[dtype]
    codes = formats.unpack(form, raw)
    if dtype == "F32":
        return np.asarray(codes.view("<f4"))
    if dtype == "BF16":
        return (codes.astype(np.uint32) << 16).view(np.float32)
    if dtype == "F16":
        return codes.view("<f2").astype(np.float32)
    with np.errstate(all="ignore"):
        return formats.to_float64(form, codes).astype(np.float32)


def whole(ref: TensorRef) -> NDArray[np.uint8]:
    """All bytes of a small tensor, shape (1, bytes)."""
    with RowReader(_flat(ref)) as reader:
        return reader.gather(np.zeros(1, dtype=np.int64))


def any_value(ref: TensorRef) -> bool:
    """Whether a small matrix of plain values, such as a factor of an adapter, has one that is not zero."""
    with RowReader(ref) as reader:
        return bool(reader.decode(np.arange(reader.rows, dtype=np.int64)).any())


def _flat(ref: TensorRef) -> TensorRef:
    from rowscope.inspector.matrices import seen_as  # 3 ms, for packed tables alone

    return seen_as(ref, (1, ref.nbytes), "U8")


def part_rows(part: Part, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Stored bytes of rows that lie in a part by themselves, shape (n, row bytes)."""
    with RowReader(part.ref) as reader:
        return reader.gather(ids)


class RowPart:
    """The base of all: row v of the table has row v of the tensor, unless a reader maps ids to rows first."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.reader = RowReader(part.ref)

    def expect(self, ids: Ids | None) -> None:
        """See `RowReader.expect`, of rows of the table; None for all."""
        self.reader.expect(None if ids is None else np.asarray(ids, dtype=np.int64) // self.part.every)

    def raw(self, ids: Ids) -> NDArray[np.uint8]:
        """Stored bytes of rows, shape (n, row bytes): a view of the file for a range, until `done`."""
        if isinstance(ids, range):
            return self.reader.block(ids.start, ids.stop)
        return self.reader.gather(ids)

    def values(self, ids: Ids) -> Singles:
        """Numbers of rows, float32 (n, groups), or (1, groups) where all rows share them."""
        found = singles(self.reader.dtype, self.raw(ids))
        # Numbers that are still a view of the file must be copied before it is released.
        found = found.copy() if not found.flags.owndata else found
        self.done(ids)
        return found

    def numbers(self, ids: Ids) -> Numbers:
        """As `values`, or as they are stored where the kernels take them so: a view of the file for a range,
        until `used`."""
        return self.values(ids)

    def used(self, ids: Ids) -> None:
        """`numbers` are done with."""

    def done(self, ids: Ids) -> None:
        """Give the memory of rows that were read as a range back to the system."""
        if isinstance(ids, range):
            self.reader.release(ids.start, ids.stop)

    def close(self) -> None:
        self.reader.close()


class OwnPart(RowPart):
    """Row v of the table has row v of the tensor, whose numbers may be halves."""

    def numbers(self, ids: Ids) -> Numbers:
        kind = _HALVES.get(self.reader.dtype)
        return self.values(ids) if kind is None else self.raw(ids).view(kind)

    def used(self, ids: Ids) -> None:
        if self.reader.dtype in _HALVES:
            self.done(ids)


class SharedPart(RowPart):
    """All rows of the table share the one row of the tensor."""

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self._only = super().values(range(1))

    def expect(self, ids: Ids | None) -> None:
        """It is there."""

    def values(self, ids: Ids) -> Singles:
        return self._only


class BlockPart(RowPart):
    """Row v of the table has row v // every of the tensor."""

    def values(self, ids: Ids) -> Singles:
        rows = np.asarray(ids, dtype=np.int64) // self.part.every
        if not rows.size:
            return np.empty((0, self.reader.width), dtype=np.float32)
        first = int(rows.min())
        return super().values(range(first, int(rows.max()) + 1))[rows - first]


class NestedPart(BlockPart):
    """As `BlockPart`, of numbers that are quantised themselves, in blocks of the flattened tensor."""

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        assert part.nested is not None
        self._map = singles(part.nested.map.dtype, whole(part.nested.map))[0]
        self._largest = singles(part.nested.absmax.dtype, whole(part.nested.absmax))[0]

    def values(self, ids: Ids) -> Singles:
        nested, width = self.part.nested, self.reader.width
        assert nested is not None
        rows = np.asarray(ids, dtype=np.int64) // self.part.every
        if not rows.size:
            return np.empty((0, width), dtype=np.float32)
        span = range(int(rows.min()), int(rows.max()) + 1)
        codes = self.raw(span)[rows - span.start]
        self.done(span)
        places = rows[:, None] * width + np.arange(width)
        with np.errstate(all="ignore"):
            found = self._map[codes] * self._largest[places // nested.block] + np.float32(nested.offset)
        return np.asarray(found, dtype=np.float32)


class ColumnPart(RowPart):
    """Row v of the table has column v of the tensor. Columns are copied, never mapped: a mapping of the whole
    tensor would stay resident."""

    def expect(self, ids: Ids | None) -> None:
        """All rows hold something of each row of the table; few columns of them are fetched when read."""
        if ids is None:
            self.reader.expect(None)

    def raw(self, ids: Ids) -> NDArray[np.uint8]:
        found = self.elements(ids)
        return np.ascontiguousarray(found.T).view(np.uint8).reshape(found.shape[1], -1)

    def values(self, ids: Ids) -> Singles:
        return singles(self.reader.dtype, self.raw(ids))

    def elements(self, ids: Ids) -> NDArray[Any]:
        """The columns `ids` as codes, shape (rows of the tensor, n)."""
        places = np.asarray(ids, dtype=np.int64)
        first, last = (int(places.min()), int(places.max()) + 1) if places.size else (0, 0)
        found = self.span(first, last)
        return found if isinstance(ids, range) else found[:, places - first]

    def span(self, first: int, last: int) -> NDArray[Any]:
        """The columns [first, last) as codes, shape (rows of the tensor, last - first)."""
        lane = self.reader.form.lane
        size = lane.itemsize
        found = np.empty((self.reader.rows, last - first), dtype=lane)
        raw = self.reader.read(range(self.reader.rows), first * size, last * size)
        for row, data in enumerate(raw):
            found[row] = np.frombuffer(data, dtype=lane)
        return found

    def done(self, ids: Ids) -> None:
        pass


class AcrossPart(ColumnPart):
    """Row g of the tensor is a bit stream over the table's rows: number g of row v has the bits from
    v * bits on."""

    def values(self, ids: Ids) -> Singles:
        places = np.asarray(ids, dtype=np.int64) * self.part.bits
        if not places.size:
            return np.empty((0, self.reader.rows), dtype=np.float32)
        first = int(places.min()) // _WORD
        last = (int(places.max()) + self.part.bits - 1) // _WORD + 1
        words = self.span(first, last).T
        return _from_stream(words, places - first * _WORD, self.part.bits) - np.float32(self.part.less)


class DownPart(RowPart):
    """Column g of the tensor is a bit stream over the table's rows."""

    def expect(self, ids: Ids | None) -> None:
        if ids is None:
            self.reader.expect(None)

    def values(self, ids: Ids) -> Singles:
        places = np.asarray(ids, dtype=np.int64) * self.part.bits
        if not places.size:
            return np.empty((0, self.reader.width), dtype=np.float32)
        span = range(int(places.min()) // _WORD, (int(places.max()) + self.part.bits - 1) // _WORD + 1)
        words = formats.unpack(self.reader.form, self.raw(span)).copy()
        self.done(span)
        return _from_stream(words, places - span.start * _WORD, self.part.bits) - np.float32(self.part.less)


def _from_stream(words: NDArray[Any], places: NDArray[np.int64], bits: int) -> Singles:
    """Integers of `bits` bits that begin at bit `places` (n,) of the streams down the columns of 32-bit
    words (w, groups): float32 (n, groups)."""
    at = places // _WORD
    low = words[at].astype(np.uint64)
    high = words[np.minimum(at + 1, len(words) - 1)].astype(np.uint64)
    pair = low | (high << np.uint64(_WORD))
    found = (pair >> (places % _WORD).astype(np.uint64)[:, None]) & np.uint64((1 << bits) - 1)
    return found.astype(np.float32)


class AwqPart(ColumnPart):
    """Word w of a row of the tensor has the elements 8 w to 8 w + 7 of 4 bits, the even ones first."""

    _PLACES: Final = np.array([0, 4, 1, 5, 2, 6, 3, 7], dtype=np.uint32)

    def raw(self, ids: Ids) -> NDArray[np.uint8]:
        """Integers of rows, a byte each, shape (n, rows of the tensor)."""
        places = np.asarray(ids, dtype=np.int64)
        needed, where = np.unique(places // 8, return_inverse=True)
        words = self.elements(needed)
        found = np.empty((places.size, len(words)), dtype=np.uint8)
        for row, (column, place) in enumerate(zip(where, places % 8, strict=True)):
            found[row] = (words[:, column] >> np.uint32(4 * self._PLACES[place])) & np.uint32(15)
        return found

    def values(self, ids: Ids) -> Singles:
        return self.raw(ids).astype(np.float32)


_READERS: Final[Mapping[str, Callable[[Part], RowPart]]] = {
    "row": OwnPart,
    "shared": SharedPart,
    "block": BlockPart,
    "nested": NestedPart,
    "columns": ColumnPart,
    "across": AcrossPart,
    "down": DownPart,
    "awq": AwqPart,
}


def open_part(part: Part) -> RowPart:
    """The reader for a part's spread, to be closed by the caller."""
    return _READERS[part.spread](part)
