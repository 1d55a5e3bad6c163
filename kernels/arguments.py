"""Arguments of the compiled kernels. Needs no compiler.

A kernel takes named tuples of whole numbers and of arrays; the machine code takes their fields one by one, as
64-bit integers and as addresses. The annotations say which, and of what elements.
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels import formats
from rowscope.kernels.formats import Format


class Rows(NamedTuple):
    """The rows to work on.

    Attributes:
        start: their bytes, at any address, shape (number, stride).
        number: how many there are.
        stride: bytes from one row to the next.
        width: elements of a row.
        size: bytes of a row.
    """

    start: NDArray[np.uint8]
    number: int
    stride: int
    width: int
    size: int


class Groups(NamedTuple):
    """Which rows are added to which sums, and the arrays of `rowscope.kernels.results.GroupSums`.

    Attributes:
        number: how many groups, 0 where no sums are asked for.
        member: a group for each row, -1 for none, shape (number,).
    """

    number: int
    member: NDArray[np.int8]
    rows: NDArray[np.int64]
    pivot: NDArray[np.float64]
    shift: NDArray[np.float64]
    squares: NDArray[np.float64]
    unit_rows: NDArray[np.int64]
    unit_sum: NDArray[np.float64]


class Tile(NamedTuple):
    """Room for what a kernel knows of the rows of a tile: offsets and scales, shape (TILE,), and products."""

    offsets: NDArray[np.int64]
    scales: NDArray[np.float64]
    products: NDArray[np.float64]


class Outputs(NamedTuple):
    """Per-row outputs, shape (number,).

    `special` is 1 for rows that are left to the numpy engine.
    """

    zeros: NDArray[np.int64]
    sum: NDArray[np.float64]
    sumsq: NDArray[np.float64]
    l1: NDArray[np.float64]
    m2: NDArray[np.float64]
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    fingerprint: NDArray[np.uint64]
    special: NDArray[np.uint8]


class Keys(NamedTuple):
    """Keys of the fingerprint, shape (words,), and the number `UPPER`."""

    words: NDArray[np.uint64]
    upper: int


class Products(NamedTuple):
    """Dot products to compute.

    Attributes:
        vectors: what to multiply rows with, shape (k, width).
        products: shape (number, k).
        with_power: whether `power`, shape (width,), gains X^T (X v) for the last vector v, over the finite
            rows X.
    """

    vectors: NDArray[np.float64]
    products: NDArray[np.float64]
    with_power: int
    power: NDArray[np.float64]


class Pairs(NamedTuple):
    """The arrays of `rowscope.kernels.compare.pairs.PairColumns`; `marked` is 1 for pairs left out."""

    changed: NDArray[np.int64]
    distance: NDArray[np.float64]
    norm_base: NDArray[np.float64]
    norm_tuned: NDArray[np.float64]
    cosine: NDArray[np.float64]
    finite: NDArray[np.uint8]
    marked: NDArray[np.uint8]


class Decoding(NamedTuple):
    """Quantised rows, their scales, and room for their values.

    Attributes:
        start: the stored rows, at any address, shape (number, stride).
        number, stride, width: rows, bytes from one to the next, elements of a row.
        scale: numbers of each row as stored, one row's behind the other's, at any address.
        scale_kind, scale_step: which of `rowscope.kernels.decode.scaling.KINDS` they are, and bytes of a
            row's, 0 where all rows share them.
        shift, shift_kind, shift_step: the same of what is subtracted from the integer or added to the scaled
            one; `shift_by_group` is 0 where all groups of a row share it.
        wide: room for the numbers of `room` rows as float32: scales, then shifts.
        group, groups: columns that share a scale, a multiple of 8, and how many groups a row has.
        flip: bits to turn over in each integer.
        room: rows that `values` holds.
        values: where the float32 values go, as bytes, shape (room, 4 * width).
        again: (1,), set where a scan of the decoded rows has to be repeated with all of them decoded.
    """

    start: NDArray[np.uint8]
    number: int
    stride: int
    width: int
    scale: NDArray[np.uint8]
    scale_kind: int
    scale_step: int
    shift: NDArray[np.uint8]
    shift_kind: int
    shift_step: int
    shift_by_group: int
    wide: NDArray[np.float32]
    group: int
    groups: int
    flip: int
    room: int
    values: NDArray[np.uint8]
    again: NDArray[np.uint8]


UPPER = 0xFFFF0000
"""The upper half of a 32-bit word. Given from outside: an `and` with a constant like it LLVM replaces by
shuffles, which it then takes apart into single elements."""


TILE = 16
"""Rows that are added to column sums together: those are loaded and stored once for all of them."""


MOST_VECTORS = 3
"""Vectors that rows are multiplied with in one pass: more sums would not stay in registers."""


ENTRY = "rowscope_kernel"
"""The symbol of every kernel in its object file."""


def tile() -> Tile:
    """A tile for one call: threads must not share it."""
    return Tile(np.zeros(TILE, dtype=np.int64), np.zeros(TILE), np.zeros(TILE * MOST_VECTORS))


def rows_of(form: Format, raw: NDArray[np.uint8]) -> Rows:
    """Rows, given as bytes (count, row bytes), as the kernels take them: whole bytes, at any address."""
    codes: NDArray[Any] = formats.unpack(form, raw) if form.bits < 8 else raw
    if codes.size and codes.strides[1] != 1:
        codes = np.ascontiguousarray(codes)
    number, size = codes.shape
    return Rows(codes, number, codes.strides[0], size // form.lane.itemsize, size)


def flat(groups: tuple[NamedTuple, ...]) -> list[int]:
    """The fields of named tuples as machine code takes them. The arrays must outlive the call."""
    found: list[int] = []
    for group in groups:
        for value in group:
            found.append(value.ctypes.data if isinstance(value, np.ndarray) else int(value))
    return found


def elements(kind: type[Any]) -> dict[str, np.dtype[Any] | None]:
    """Element type of each field of a named tuple, None for a whole number."""
    hints = get_type_hints(kind)
    return {
        name: None if hint is int else np.dtype(get_args(get_args(hint)[1])[0])
        for name, hint in hints.items()
    }
