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
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from rowscope.kernels.jit import kernel, part

BF16, F16, E5M2, E4M3, TABLE, COPY = range(6)
"""Decoders: the two of 16 bits; bytes that are the upper byte of half bits; bytes whose exponent is one bit
shorter than that of half bits; other bytes, by table; bits that are a float as they stand."""

TILE = 4
"""Rows that are added to the sums of their group together."""

LINE, AHEAD = 64, 3072
"""Bytes of a cache line, and how far ahead of the row under work memory is asked for."""


class Recipe(NamedTuple):
    """How the codes of a format become values.

    Attributes:
        decoder: one of the constants above.
        scale: (E4M3) value of a code over that of its half bits.
        table: (TABLE) float32 value of each code, shape (256,).
        sign: the sign bit.
        limit, floor: a row whose largest magnitude, as a code, is `limit` or more, or below `floor` and not
            0, is marked.
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
        codes, words: one row with +0 for -0, shape (1, lanes) and the same as words, (1, words).
        values, bits: float32 or float64 values of TILE rows, shape (TILE, width), and the same as integers.
        keys: of the fingerprint, shape (words,).
    """

    codes: NDArray[Any]
    words: NDArray[np.uint64]
    values: NDArray[Any]
    bits: NDArray[Any]
    keys: NDArray[np.uint64]


class Outputs(NamedTuple):
    """Per-row outputs, shape (rows,): `low` and `high` are the codes of the least and the greatest value, `marked`
    is 1 for rows that were left out."""

    zeros: NDArray[np.int64]
    sum: NDArray[np.float64]
    sumsq: NDArray[np.float64]
    l1: NDArray[np.float64]
    m2: NDArray[np.float64]
    low: NDArray[Any]
    high: NDArray[Any]
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
def _half_to_single(typing_context, half_bits):
    """float32 value of IEEE half-precision bits: one vector instruction where the processor has it."""

    def generate(context, builder, signature, arguments):
        bits = builder.trunc(arguments[0], ir.IntType(16))
        return builder.fpext(builder.bitcast(bits, ir.HalfType()), ir.FloatType())

    return types.float32(types.uint64), generate


@intrinsic
def _prefetch(typing_context, array, r, distance):
    """Ask for the cache line that lies `distance` bytes behind the start of row r; harmless past the end."""

    def generate(context, builder, signature, arguments):
        rows = context.make_array(signature.args[0])(context, builder, arguments[0])
        zero = context.get_constant(types.intp, 0)
        row = cgutils.get_item_pointer(context, builder, signature.args[0], rows, [arguments[1], zero])
        byte, number = ir.IntType(8), ir.IntType(32)
        line = builder.gep(builder.bitcast(row, byte.as_pointer()), [arguments[2]], source_etype=byte)
        kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [line, number(0), number(3), number(1)])  # for reading, into all caches, data
        return context.get_dummy_value()

    return types.none(array, types.intp, types.intp), generate


def _decode(codes, r, recipe, values, bits, t):
    """Write the values of the codes of row r to row t of `values`: one version per lane type."""
    raise AssertionError("compiled code only")


@overload(_decode)
def _choose_decoder(codes, r, recipe, values, bits, t):
    return {8: _decode_bytes, 16: _decode_pairs}.get(codes.dtype.bitwidth, _copy_bits)


def _decode_bytes(codes, r, recipe, values, bits, t):
    if recipe.decoder == E5M2:
        for i in range(values.shape[1]):
            values[t, i] = _half_to_single(np.uint64(codes[r, i]) << np.uint64(8))
    elif recipe.decoder == E4M3:
        for i in range(values.shape[1]):
            code = np.uint64(codes[r, i])
            half = ((code & np.uint64(0x80)) << np.uint64(8)) | ((code & np.uint64(0x7F)) << np.uint64(7))
            values[t, i] = _half_to_single(half) * recipe.scale
    else:
        for i in range(values.shape[1]):
            values[t, i] = recipe.table[codes[r, i]]


def _decode_pairs(codes, r, recipe, values, bits, t):
    if recipe.decoder == BF16:
        for i in range(values.shape[1]):
            bits[t, i] = np.uint32(codes[r, i]) << np.uint32(16)
    else:
        for i in range(values.shape[1]):
            values[t, i] = _half_to_single(np.uint64(codes[r, i]))


def _copy_bits(codes, r, recipe, values, bits, t):
    for i in range(values.shape[1]):
        bits[t, i] = codes[r, i]


@part
def _extremes(codes, signed, r, width):
    """Least magnitude, greatest code and greatest signed code of row r.

    Comparisons of integers vectorise, those of floats do not. Doubling a code drops its sign bit.
    """
    lane = codes.dtype.type
    doubled, high, signed_high = lane(codes[r, 0] + codes[r, 0]), codes[r, 0], signed[r, 0]
    for i in range(width):
        doubled = min(doubled, lane(codes[r, i] + codes[r, i]))
        high = max(high, codes[r, i])
        signed_high = max(signed_high, signed[r, i])
    return np.uint64(doubled) >> np.uint64(1), np.uint64(high), np.int64(signed_high)


@part
def _count_zeros(codes, r, width, sign, clean):
    """Numbers of zeros of either sign and of sign bits alone; copies the row to `clean` with +0 for -0."""
    zeros, bare = 0, 0
    for start in range(0, width, 128):  # blocks that a counter of one byte can hold: it vectorises best
        few, few_bare = np.uint8(0), np.uint8(0)
        for j in range(min(128, width - start)):
            i = np.uintp(start) + np.uintp(j)  # unsigned: a signed index would be tested for wrapping round
            few = np.uint8(few + ((codes[r, i] | sign) == sign))
            few_bare = np.uint8(few_bare + (codes[r, i] == sign))
            clean[0, i] = codes.dtype.type(0) if codes[r, i] == sign else codes[r, i]
        zeros += few
        bare += few_bare
    return zeros, bare


@part
def _sums(values, t):
    """Sum, sum of squares, sum of magnitudes."""
    total, squares, magnitudes = 0.0, 0.0, 0.0
    for i in range(values.shape[1]):
        value = np.float64(values[t, i])
        total += value
        squares += value * value
        magnitudes += abs(value)
    return total, squares, magnitudes


@part
def _squared_deviations(values, t, total, squares):
    """Sum of squared deviations from the row's mean, given its sum and sum of squares.

    Q - S^2 / n, unless that cancels: then the definition, corrected for the rounding of the mean.
    """
    result = squares - total * total / values.shape[1]
    if result < 0.5 * squares:
        mean = total / values.shape[1]
        rest, result = 0.0, 0.0
        for i in range(values.shape[1]):
            deviation = np.float64(values[t, i]) - mean
            rest += deviation
            result += deviation * deviation
        result = max(result - rest * rest / values.shape[1], 0.0)
    return result


@part
def _fingerprint(words, r, keys, size):
    """See `rowscope.kernels.fingerprint`."""
    result = np.uint64(size)
    for i in range(keys.size):
        word = words[r, i] + keys[i]
        result += (word & np.uint64(0xFFFFFFFF)) * (word >> np.uint64(32))
    result = (result ^ (result >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    result = (result ^ (result >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return result ^ (result >> np.uint64(31))


@part
def _add_row(values, scales, t, g, pivot, shift, unit_sum):
    """Add row t of the tile to the column sums of group g; returns |row - pivot|^2."""
    squares = 0.0
    for i in range(values.shape[1]):
        value = np.float64(values[t, i])
        deviation = value - pivot[g, i]
        shift[g, i] += deviation
        squares += deviation * deviation
        unit_sum[g, i] += value * scales[t]
    return squares


@part
def _add_tile(values, scales, g, pivot, shift, unit_sum):
    """The same for the four rows of a full tile: each sum is loaded and stored once for all of them."""
    q0, q1, q2, q3 = 0.0, 0.0, 0.0, 0.0  # one chain of additions would be slower than the arithmetic
    s0, s1, s2, s3 = scales[0], scales[1], scales[2], scales[3]
    for i in range(values.shape[1]):
        v0, v1 = np.float64(values[0, i]), np.float64(values[1, i])
        v2, v3 = np.float64(values[2, i]), np.float64(values[3, i])
        p = pivot[g, i]
        d0, d1, d2, d3 = v0 - p, v1 - p, v2 - p, v3 - p
        shift[g, i] += (d0 + d1) + (d2 + d3)
        q0 += d0 * d0
        q1 += d1 * d1
        q2 += d2 * d2
        q3 += d3 * d3
        unit_sum[g, i] += (v0 * s0 + v1 * s1) + (v2 * s2 + v3 * s3)
    return (q0 + q1) + (q2 + q3)


@part
def _flush(values, scales, tile, g, sums):
    """Add the first `tile` rows of the tile to the column sums of group g."""
    if tile == TILE:
        sums.squares[g] += _add_tile(values, scales, g, sums.pivot, sums.shift, sums.unit_sum)
    else:
        for t in range(tile):
            sums.squares[g] += _add_row(values, scales, t, g, sums.pivot, sums.shift, sums.unit_sum)


@part
def _join_group(values, tile, g, squares, scales, sums):
    """Count row `tile` of the tile as a member of group g; the first one is the group's pivot."""
    if sums.rows[g] == 0:
        for i in range(values.shape[1]):
            sums.pivot[g, i] = values[tile, i]
    sums.rows[g] += 1
    sums.unit_rows[g] += squares > 0
    scales[tile] = 1.0 / np.sqrt(squares) if squares > 0 else 0.0


@kernel
def scan(rows, recipe, scratch, groups, sums, out):
    """Scan rows; `groups` has shape (rows,), -1 for no group, or (0,) for no groups at all."""
    codes, signed, words, size = rows
    clean_codes, clean_words, values, bits, keys = scratch
    sign, width = recipe.sign, values.shape[1]
    scales = np.empty(TILE)
    tile, group = 0, -1  # rows of the tile that wait to be added to their group
    for r in range(codes.shape[0]):
        for line in range(0, size, LINE):
            _prefetch(words, r, line + AHEAD)
        least, high, signed_high = _extremes(codes, signed, r, width)
        negative, positive = high >= sign, signed_high >= 0
        out.low[r] = high if negative else least
        out.high[r] = np.uint64(signed_high) if positive else sign | least
        most = max(high ^ sign if negative else least, np.uint64(signed_high) if positive else least)
        special = most >= recipe.limit or 0 < most < recipe.floor
        if least == 0:
            out.zeros[r], bare = _count_zeros(codes, r, width, codes.dtype.type(sign), clean_codes)
            special |= bare > 0 and not recipe.negative_zero
            out.fingerprint[r] = _fingerprint(clean_words, 0, keys, size)
        else:
            out.fingerprint[r] = _fingerprint(words, r, keys, size)
        out.marked[r] = special
        if special:
            continue
        if tile > 0 and (tile == TILE or groups[r] != group):
            _flush(values, scales, tile, group, sums)
            tile = 0
        _decode(codes, r, recipe, values, bits, tile)
        total, squares, magnitudes = _sums(values, tile)
        out.sum[r], out.sumsq[r], out.l1[r] = total, squares, magnitudes
        constant = out.low[r] == out.high[r]
        out.m2[r] = 0.0 if constant else _squared_deviations(values, tile, total, squares)
        if groups.size > 0 and groups[r] >= 0:
            group = groups[r]
            _join_group(values, tile, group, squares, scales, sums)
            tile += 1
    _flush(values, scales, tile, group, sums)


@kernel
def project(rows, recipe, scratch, vectors, products, power):
    """Dot products of rows with `vectors` (k, d) to `products` (rows, k).

    With `power` of shape (d,), not (0,), it gains X^T (X v) for the last vector v, over the finite rows X.
    """
    values = scratch.values
    for r in range(rows.codes.shape[0]):
        for line in range(0, rows.size, LINE):
            _prefetch(rows.words, r, line + AHEAD)
        _decode(rows.codes, r, recipe, values, scratch.bits, 0)
        product = 0.0
        for k in range(vectors.shape[0]):
            product = _dot(values, vectors, k)
            products[r, k] = product
        if power.size > 0 and np.isfinite(product):
            for i in range(power.size):
                power[i] += np.float64(values[0, i]) * product


@part
def _dot(values, vectors, k):
    total = 0.0
    for i in range(values.shape[1]):
        total += np.float64(values[0, i]) * vectors[k, i]
    return total
