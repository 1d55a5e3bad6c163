"""The pass over two matrices at once, compiled by numba: raw codes in, distances and cosines out.

A pair of rows is compared code by code first, where both have one dtype: rows that fine-tuning left alone
are then done after one sum of squares. Others are decoded to float32 (float64 for F64) in the first-level
cache and summed in float64. Rows that need care (a NaN, an infinity, squares outside float64) are marked
and left to the numpy engine. All in one file: see `rowscope.kernels.jit.kernel`.
"""
# ruff: noqa: ANN001, ANN201, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.extending import overload
from numpy.typing import NDArray

from rowscope.kernels.jit import kernel, part

# Below this sum of squares a row of float64 may have lost digits to underflow.
SMALLEST_SUM = 2.0**-900


class Decoder(NamedTuple):
    """How codes become values: `brain` is bfloat16 among the 16-bit formats; bytes go by `table`, (256,)."""

    brain: bool
    table: NDArray[np.float32]


class Scratch(NamedTuple):
    """Room for the values of one row, float32 or float64, and the same memory as unsigned integers."""

    values: NDArray[Any]
    bits: NDArray[Any]


class Outputs(NamedTuple):
    """The arrays of `rowscope.kernels.pairs.PairColumns`; `marked` is 1 for pairs that were left out."""

    changed: NDArray[np.int64]
    distance: NDArray[np.float64]
    norm_base: NDArray[np.float64]
    norm_tuned: NDArray[np.float64]
    cosine: NDArray[np.float64]
    finite: NDArray[np.bool_]
    marked: NDArray[np.uint8]


def scratch(lane_bytes: int, width: int) -> Scratch:
    """Room for one row of `width` codes of so many bytes."""
    values: NDArray[Any] = np.empty(width, dtype=np.float64 if lane_bytes == 8 else np.float32)
    return Scratch(values, values.view(np.uint64 if lane_bytes == 8 else np.uint32))


def _decode(codes, r, decoder, room):
    """Write the values of row r to the scratch: one version per lane type."""
    raise AssertionError("compiled code only")


@overload(_decode)
def _choose_decoder(codes, r, decoder, room):
    return {8: _decode_bytes, 16: _decode_halves}.get(codes.dtype.bitwidth, _copy_bits)


def _decode_bytes(codes, r, decoder, room):
    for i in range(codes.shape[1]):
        room.values[i] = decoder.table[codes[r, i]]


def _decode_halves(codes, r, decoder, room):
    if decoder.brain:
        for i in range(codes.shape[1]):
            room.bits[i] = np.uint32(codes[r, i]) << np.uint32(16)
    else:
        _decode_ieee_halves(codes, r, room)


@part
def _decode_ieee_halves(codes, r, room):
    """Half precision with integers and one multiplication: no processor lacks those.

    Magnitude bits moved to float32's place read 2^-112 of the value; 2^112 restores it, for subnormal halves
    too. Infinities and NaN get the exponent that stands for them.
    """
    for i in range(codes.shape[1]):
        code = np.uint32(codes[r, i])
        magnitude = (code & np.uint32(0x7FFF)) << np.uint32(13)
        special = np.uint32(0x7F800000) if magnitude >= np.uint32(0x7C00 << 13) else np.uint32(0)
        room.bits[i] = ((code & np.uint32(0x8000)) << np.uint32(16)) | magnitude | special
    for i in range(codes.shape[1]):
        room.values[i] *= np.float32(2.0**112)


def _copy_bits(codes, r, decoder, room):
    for i in range(codes.shape[1]):
        room.bits[i] = codes[r, i]


def _same_codes(base, tuned, r):
    """Whether row r has the same codes on both sides; never, where the lanes differ."""
    raise AssertionError("compiled code only")


@overload(_same_codes)
def _choose_comparison(base, tuned, r):
    return _equal_lanes if base.dtype == tuned.dtype else lambda base, tuned, r: False


def _equal_lanes(base, tuned, r):
    difference = base.dtype.type(0)
    for i in range(base.shape[1]):
        difference |= base[r, i] ^ tuned[r, i]
    return difference == 0


@part
def _squares(x):
    total = 0.0
    for i in range(x.size):
        value = np.float64(x[i])
        total += value * value
    return total


@part
def _moments(x, y):
    """|x|^2, |y|^2, |y - x|^2, x.y and the number of elements that differ."""
    xx, yy, dd, xy, changed = 0.0, 0.0, 0.0, 0.0, 0
    for i in range(x.size):
        a, b = np.float64(x[i]), np.float64(y[i])
        d = b - a
        xx += a * a
        yy += b * b
        dd += d * d
        xy += a * b
        changed += a != b
    return xx, yy, dd, xy, changed


@kernel
def compare(base, base_decoder, base_room, tuned, tuned_decoder, tuned_room, one_format, out):
    """Compare codes of shape (rows, width) row by row; with `one_format` equal codes mean equal values."""
    x, y = base_room.values, tuned_room.values
    for r in range(base.shape[0]):
        _decode(base, r, base_decoder, base_room)
        if one_format and _same_codes(base, tuned, r):
            xx = _squares(x)
            yy, dd, xy, changed = xx, 0.0, xx, 0
        else:
            _decode(tuned, r, tuned_decoder, tuned_room)
            xx, yy, dd, xy, changed = _moments(x, y)
        small = x.itemsize == 8 and min(xx, yy) < SMALLEST_SUM
        small = small or (y.itemsize == 8 and (yy < SMALLEST_SUM or (changed > 0 and dd < SMALLEST_SUM)))
        # Not np.isfinite: numba tests v - v, which sums that may be reordered can fold to 0.
        if small or not xx + yy + dd < np.inf:
            out.marked[r] = 1
            continue
        out.finite[r] = True
        out.changed[r] = changed
        out.norm_base[r], out.norm_tuned[r] = np.sqrt(xx), np.sqrt(yy)
        if xx > 0 and yy > 0:
            cosine = xy / np.sqrt(xx) / np.sqrt(yy)
            out.cosine[r] = min(max(cosine, -1.0), 1.0) if changed > 0 else 1.0
        else:
            out.cosine[r] = np.nan
        out.distance[r] = np.sqrt(dd) if changed > 0 else 0.0
