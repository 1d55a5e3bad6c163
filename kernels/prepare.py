"""Arguments of the compiled kernels, made from a format and the bytes of rows. Needs no compiler."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels import fingerprint, formats
from rowscope.kernels.formats import Format
from rowscope.kernels.numpy_engine import LARGEST_PLAIN, SMALLEST_PLAIN

BF16, F16, E5M2, E4M3, TABLE, COPY = range(6)
"""Decoders: the two of 16 bits; bytes that are the upper byte of half bits; bytes whose exponent is one bit
shorter than that of half bits; other bytes, by table; bits that are a float as they stand."""

TILE = 4
"""Rows that are worked on together where column sums or vectors are involved: those are loaded once for all
of them."""


class Recipe(NamedTuple):
    """How the codes of a format become values.

    Attributes:
        decoder: one of the constants above.
        scale: (E4M3) value of a code over that of its half bits.
        table: (TABLE) value of each code, shape (256,).
        sign: the sign bit.
        limit, floor: a row whose largest magnitude, as a code, is `limit` or more, or below `floor` and not
            0, is left to the numpy engine.
        negative_zero: whether the sign bit alone means -0; where it does not it is a NaN.
    """

    decoder: int
    scale: np.float32
    table: NDArray[np.float32]
    sign: np.uint64
    limit: np.uint64
    floor: np.uint64
    negative_zero: bool


class Rows(NamedTuple):
    """The same rows three times: codes and signed codes, shape (rows, lanes), and words, (rows, words).

    `lanes` is the width, filled up with zeros to whole words. `size` is a row's bytes without the filling.
    """

    codes: NDArray[Any]
    signed: NDArray[Any]
    words: NDArray[np.uint64]
    size: int


class Scratch(NamedTuple):
    """Room that stays in the first-level cache.

    Attributes:
        codes, words: one row with +0 for -0, shape (1, lanes), and the same as words, (1, words).
        values, bits: float32 or float64 values of TILE rows, shape (TILE, width), and the same as integers.
        keys: of the fingerprint, shape (words,).
    """

    codes: NDArray[Any]
    words: NDArray[np.uint64]
    values: NDArray[Any]
    bits: NDArray[Any]
    keys: NDArray[np.uint64]


class Outputs(NamedTuple):
    """Per-row outputs, shape (rows,).

    `low` and `high` are the codes of the least and the greatest value; `special` is 1 for rows that are left
    to the numpy engine.
    """

    zeros: NDArray[np.int64]
    sum: NDArray[np.float64]
    sumsq: NDArray[np.float64]
    l1: NDArray[np.float64]
    m2: NDArray[np.float64]
    low: NDArray[Any]
    high: NDArray[Any]
    fingerprint: NDArray[np.uint64]
    special: NDArray[np.uint8]


class Sums(NamedTuple):
    """The arrays of `rowscope.kernels.results.GroupSums`."""

    rows: NDArray[np.int64]
    pivot: NDArray[np.float64]
    shift: NDArray[np.float64]
    squares: NDArray[np.float64]
    unit_rows: NDArray[np.int64]
    unit_sum: NDArray[np.float64]


@lru_cache(maxsize=32)
def recipe(form: Format) -> Recipe:
    """The recipe of a float format."""
    bits = form.lane.itemsize * 8
    limit, floor = 1 << (bits - 1), 0
    if form.specials == "ieee":
        limit = ((1 << form.exponent) - 1) << (bits - 1 - form.exponent)
    elif form.specials == "ones":
        limit = (1 << (bits - 1)) - 1
    if form.name == "F64":  # positive floats are ordered as their bits are
        limit, floor = (int(np.float64(bound).view(np.uint64)) for bound in (LARGEST_PLAIN, SMALLEST_PLAIN))
    table = formats.byte_values(form.name) if bits == 8 else np.empty(0)
    return Recipe(
        decoder=_DECODERS.get(form.name, TABLE if bits == 8 else COPY),
        scale=np.float32(2.0 ** (15 - form.bias)),  # 15 is the bias of half precision
        table=table.astype(np.float32),
        sign=np.uint64(1 << (bits - 1)),
        limit=np.uint64(limit),
        floor=np.uint64(floor),
        negative_zero=form.sign_mask != 0,
    )


_DECODERS = {"BF16": BF16, "F16": F16, "F8_E5M2": E5M2, "F8_E4M3": E4M3, "F8_E4M3FNUZ": E4M3}


def rows(form: Format, raw: NDArray[np.uint8]) -> Rows:
    """Rows as aligned lanes and words; read-only, so that one compiled version serves maps and copies."""
    lanes = formats.unpack(form, raw) if form.bits < 8 else raw
    size = lanes.shape[1]
    spare = -size % 8
    if spare:
        lanes = np.pad(lanes, ((0, 0), (0, spare)))
    elif lanes.ctypes.data % 8 or not lanes.flags.c_contiguous:
        lanes = lanes.copy()
    lanes = lanes.view()
    lanes.setflags(write=False)
    signed = form.lane.str.replace("u", "i")
    return Rows(lanes.view(form.lane), lanes.view(signed), lanes.view(np.uint64), size)


def scratch(form: Format, width: int) -> Scratch:
    """Scratch for rows of `width` elements; one for each call, since threads must not share it."""
    words = -(-width * form.lane.itemsize // 8)
    clean = _aligned((1, words), np.dtype(np.uint64))
    real, integer = (np.float64, np.uint64) if form.bits == 64 else (np.float32, np.uint32)
    values = _aligned((TILE, width), np.dtype(real))
    return Scratch(clean.view(form.lane), clean, values, values.view(integer), fingerprint.keys(words))


def _aligned(shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Zeros that begin on a cache line: a vector store across two lines costs twice as much."""
    size = shape[0] * shape[1] * dtype.itemsize
    room = np.zeros(size + 64, dtype=np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size].view(dtype).reshape(shape)
