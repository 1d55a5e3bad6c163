"""The fused row pass and the projections, compiled by numba: raw bits in, numbers out.

A row goes through short loops that stay in the first-level cache: its extremes as integers, its fingerprint,
the decoding to float32 (float64 for F64), the sums in float64, its share of the group sums. Rows that need care
(a NaN, an infinity, squares outside float64) are marked and left to the numpy engine.

Formats here are sign and magnitude in an unsigned lane (see `rowscope.kernels.formats`); numba compiles the entry
points `scan` and `project` once per lane type. All in one file: see `rowscope.kernels.jit.kernel`.
"""
# ruff: noqa: ANN001, ANN201, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from rowscope.kernels.jit import kernel, part

BF16, F16, UPPER_HALF, TABLE, COPY = range(5)
"""Decoders: the two of 16 bits, bytes that fit the upper part of half bits, bytes by table, bits as they are."""

SUM, SUMSQ, L1, MIN, MAX, M2 = range(6)
"""Rows of the array of real outputs."""


class Recipe(NamedTuple):
    """How the codes of a format become values.

    Attributes:
        decoder: one of the constants above.
        sign: the sign bit, typed as the lane.
        limit, floor: a row whose largest magnitude, as a code, is `limit` or more, or below `floor` and not 0, is
            marked; typed as the lane.
        negative_zero: whether the sign bit alone means -0; where it does not it is a NaN.
        shift, scale: (UPPER_HALF) half bits are magnitude << shift, the value is half * scale.
        table: (TABLE) float32 value of each code, shape (256,).
    """

    decoder: int
    sign: np.unsignedinteger[Any]
    limit: np.unsignedinteger[Any]
    floor: np.unsignedinteger[Any]
    negative_zero: bool
    shift: int
    scale: float
    table: NDArray[np.float32]


class Scratch(NamedTuple):
    """Room for one row: its codes (unsigned lane), its values (float32 or float64), the fingerprint's keys."""

    codes: NDArray[Any]
    values: NDArray[Any]
    keys: NDArray[np.uint64]


class Outputs(NamedTuple):
    """Per-row outputs: `reals` has shape (6, rows); `marked` is 1 for rows that were left out."""

    zeros: NDArray[np.int64]
    reals: NDArray[np.float64]
    fingerprint: NDArray[np.uint64]
    marked: NDArray[np.uint8]


class Sums(NamedTuple):
    """The arrays of `rowscope.kernels.results.GroupSums`."""

    rows: NDArray[np.int64]
    pivot: NDArray[np.float64]
    shift: NDArray[np.float64]
    squares: NDArray[np.float64]
    unit_rows: NDArray[np.int64]
    unit_sum: NDArray[np.float64]


@intrinsic
def _half_to_single(typing_context: Any, half_bits: Any) -> Any:
    """float32 value of IEEE half-precision bits: one vector instruction where the processor has it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.trunc(arguments[0], ir.IntType(16))
        return builder.fpext(builder.bitcast(bits, ir.HalfType()), ir.FloatType())

    return types.float32(types.uint64), generate


def _decode(codes, recipe, values):
    """Write the values of `codes` to `values`: one implementation per lane type."""
    raise AssertionError("compiled code only")


@overload(_decode)
def _choose_decoder(codes, recipe, values):
    return {8: _decode_bytes, 16: _decode_pairs}.get(codes.dtype.bitwidth, _copy_bits)


def _decode_bytes(codes, recipe, values):
    if recipe.decoder == UPPER_HALF:
        scale, shift = np.float32(recipe.scale), np.uint64(recipe.shift)
        for i in range(codes.size):
            code = np.uint64(codes[i])
            bits = ((code & np.uint64(0x80)) << np.uint64(8)) | ((code & np.uint64(0x7F)) << shift)
            values[i] = _half_to_single(bits) * scale
    else:
        for i in range(codes.size):
            values[i] = recipe.table[codes[i]]


def _decode_pairs(codes, recipe, values):
    if recipe.decoder == BF16:
        bits = values.view(np.uint32)
        for i in range(codes.size):
            bits[i] = np.uint32(codes[i]) << np.uint32(16)
    else:
        for i in range(codes.size):
            values[i] = _half_to_single(np.uint64(codes[i]))


def _copy_bits(codes, recipe, values):
    bits = values.view(codes.dtype)
    for i in range(codes.size):
        bits[i] = codes[i]


def _signed(codes):
    """The same bits as signed integers."""
    raise AssertionError("compiled code only")


@overload(_signed)
def _choose_signed(codes):
    signed = {8: np.int8, 16: np.int16, 32: np.int32, 64: np.int64}[codes.dtype.bitwidth]
    return lambda codes: codes.view(signed)


@part
def _extremes(codes):
    """Least and greatest code, unsigned and signed. Integer comparisons: they vectorise, those of floats do not."""
    signed = _signed(codes)
    low, high = codes[0], codes[0]
    signed_low, signed_high = signed[0], signed[0]
    for i in range(codes.size):
        low = min(low, codes[i])
        high = max(high, codes[i])
        signed_low = min(signed_low, signed[i])
        signed_high = max(signed_high, signed[i])
    return low, high, signed_low, signed_high


@part
def _count_zeros(codes, sign, clean):
    """Number of zeros; writes the codes with +0 for -0 to `clean`."""
    zeros = 0
    for i in range(codes.size):
        is_zero = (codes[i] | sign) == sign
        zeros += is_zero
        clean[i] = clean.dtype.type(0) if is_zero else codes[i]
    return zeros


@part
def _deviations(values, pivot):
    """Sum and squared sum of the deviations from `pivot`, sum of the magnitudes."""
    total, squares, magnitudes = 0.0, 0.0, 0.0
    for i in range(values.size):
        value = np.float64(values[i])
        magnitudes += abs(value)
        deviation = value - pivot
        total += deviation
        squares += deviation * deviation
    return total, squares, magnitudes


@part
def _moments(values):
    """Sum, sum of squares, L1 and squared deviations from the mean, without cancellation.

    About a pivot p: sum = n p + S, m2 = Q - S^2 / n, sumsq = Q + p (S + sum). A pivot within the row's bulk loses no
    digits; the middle one of three elements nearly always is, and makes a constant row's m2 exactly 0.
    Where it is not, the mean that it gave is the pivot of a second try.
    """
    n = values.size
    a, b, c = values[0], values[n // 2], values[n - 1]
    pivot = np.float64(max(min(a, b), min(max(a, b), c)))
    total, squares, magnitudes = _deviations(values, pivot)
    if total * total > 0.98 * n * squares:
        pivot += total / n
        total, squares, magnitudes = _deviations(values, pivot)
    sum_ = n * pivot + total
    m2 = max(squares - total * total / n, 0.0)
    return sum_, max(squares + pivot * (total + sum_), 0.0), magnitudes, m2


@part
def _hash_words(words, keys):
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    result = np.uint64(0)
    for i in range(words.size):
        word, key = words[i], keys[i]
        result += ((word + key) & low) * (((word >> half) + (key >> half)) & low)
    return result


@part
def _fingerprint(raw, keys):
    """See `rowscope.kernels.fingerprint`."""
    whole = raw.size // 8
    result = _hash_words(raw[: whole * 8].view(np.uint64), keys)
    if raw.size > whole * 8:
        last = np.uint64(0)
        for i in range(raw.size - whole * 8):
            last |= np.uint64(raw[whole * 8 + i]) << np.uint64(8 * i)
        low, half, key = np.uint64(0xFFFFFFFF), np.uint64(32), keys[whole]
        result += ((last + key) & low) * (((last >> half) + (key >> half)) & low)
    result += np.uint64(raw.size)
    result = (result ^ (result >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    result = (result ^ (result >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return result ^ (result >> np.uint64(31))


@part
def _add_to_group(values, norm, group, sums):
    pivot, shift, unit_sum = sums.pivot[group], sums.shift[group], sums.unit_sum[group]
    if sums.rows[group] == 0:
        for i in range(values.size):
            pivot[i] = values[i]
    sums.rows[group] += 1
    sums.unit_rows[group] += norm > 0
    scale = 1.0 / norm if norm > 0 else 0.0
    squares = 0.0
    for i in range(values.size):
        value = np.float64(values[i])
        deviation = value - pivot[i]
        shift[i] += deviation
        squares += deviation * deviation
        unit_sum[i] += value * scale
    sums.squares[group] += squares


@part
def _bounds(codes, recipe, ends):
    """Codes of the least and greatest value to `ends`; the largest magnitude, and whether a zero is there."""
    low, high, signed_low, signed_high = _extremes(codes)
    sign = recipe.sign
    most = ends.dtype.type(0)
    ends[0], ends[1] = (
        low,
        low,
    )  # no negative: the least magnitude is the least value, no positive: the greatest
    if high >= sign:
        ends[0] = high
        most = ends.dtype.type(high ^ sign)
    if low < sign:
        ends[1] = signed_high
        most = max(most, ends[1])
    return most, low == 0, signed_low == -np.int64(sign)


@kernel
def scan(raw, recipe, scratch, groups, sums, out):
    """Scan the rows `raw`, bytes of shape (rows, row_bytes); `groups` has shape (rows,), or (0,) for no groups."""
    lane = scratch.codes.dtype
    ends, bounds = np.empty(2, lane), np.empty(2, scratch.values.dtype)
    for r in range(raw.shape[0]):
        codes = raw[r].view(lane)
        most, zero, negative_zero = _bounds(codes, recipe, ends)
        special = negative_zero and not recipe.negative_zero
        if special or most >= recipe.limit or (most < recipe.floor and most > 0):
            out.marked[r] = 1
            continue
        if zero or negative_zero:
            out.zeros[r] = _count_zeros(codes, recipe.sign, scratch.codes)
            out.fingerprint[r] = _fingerprint(scratch.codes.view(np.uint8), scratch.keys)
        else:
            out.fingerprint[r] = _fingerprint(raw[r], scratch.keys)
        _decode(ends, recipe, bounds)
        out.reals[MIN, r], out.reals[MAX, r] = bounds[0], bounds[1]
        _decode(codes, recipe, scratch.values)
        sum_, sumsq, magnitudes, m2 = _moments(scratch.values)
        out.reals[SUM, r], out.reals[SUMSQ, r] = sum_, sumsq
        out.reals[L1, r], out.reals[M2, r] = magnitudes, m2
        if groups.size > 0 and groups[r] >= 0:
            _add_to_group(scratch.values, np.sqrt(sumsq), groups[r], sums)


@kernel
def project(raw, recipe, scratch, vectors, products, power):
    """Dot products of rows with `vectors` (k, d) to `products` (rows, k).

    With `power` of shape (d,), not (0,), it gains X^T (X v) for the last vector v, over the finite rows X.
    """
    ends = np.empty(2, scratch.codes.dtype)
    last = vectors.shape[0] - 1
    for r in range(raw.shape[0]):
        codes = raw[r].view(scratch.codes.dtype)
        _decode(codes, recipe, scratch.values)
        for k in range(vectors.shape[0]):
            products[r, k] = _dot(scratch.values, vectors[k])
        if power.size > 0:
            most, zero, negative_zero = _bounds(codes, recipe, ends)
            if most < recipe.limit and (recipe.negative_zero or not negative_zero):
                _add_scaled(scratch.values, products[r, last], power)


@part
def _dot(values, vector):
    total = 0.0
    for i in range(values.size):
        total += np.float64(values[i]) * vector[i]
    return total


@part
def _add_scaled(values, factor, total):
    for i in range(values.size):
        total[i] += np.float64(values[i]) * factor
