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

BF16, F16, E5M2, E4M3, TABLE, COPY = range(6)
"""Decoders: two of 16 bits; bytes that are half bits without the lower eight, or with a shorter exponent; bytes by
table; bits as they are."""

TILE = 4
"""Rows that are added to the sums of their group together, so that each sum is loaded and stored once for them."""


class Recipe(NamedTuple):
    """How the codes of a format become values.

    Attributes:
        decoder: one of the constants above.
        sign: the sign bit, typed as the lane.
        limit, floor: a row whose largest magnitude, as a code, is `limit` or more, or below `floor` and not
            0, is marked; typed as the lane.
        negative_zero: whether the sign bit alone means -0; where it does not it is a NaN.
        scale: (E4M3) of the value against that of the half bits.
    """

    decoder: int
    sign: np.unsignedinteger[Any]
    limit: np.unsignedinteger[Any]
    floor: np.unsignedinteger[Any]
    negative_zero: bool
    scale: float


class Rows(NamedTuple):
    """The same rows three times: codes and signed codes, shape (rows, lanes), and words, (rows, words).

    `lanes` is the width, filled up to whole words where it does not make some.
    """

    codes: NDArray[Any]
    signed: NDArray[Any]
    words: NDArray[np.uint64]


class Scratch(NamedTuple):
    """Codes of one row with +0 for -0, shape (1, lanes), the same as words, values of TILE rows and their bits."""

    codes: NDArray[Any]
    words: NDArray[np.uint64]
    values: NDArray[Any]
    bits: NDArray[Any]


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
def _prefetch(typing_context, array, r, offset):
    """Ask for the cache line `offset` bytes behind the start of row r."""

    def generate(context, builder, signature, arguments):
        from numba.core import cgutils
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        row = cgutils.get_item_pointer(context, builder, signature.args[0], view, [arguments[1], context.get_constant(types.intp, 0)])
        byte = ir.IntType(8).as_pointer()
        address = builder.gep(builder.bitcast(row, byte), [arguments[2]], source_etype=ir.IntType(8))
        i32 = ir.IntType(32)
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32]), "llvm.prefetch.p0")
        builder.call(function, [address, i32(0), i32(LOCALITY), i32(1)])
        return context.get_dummy_value()

    return types.none(array, types.intp, types.intp), generate

import os
LOCALITY=int(os.environ.get('LOC','3')); DIST=int(os.environ.get('DIST','3584'))

SEGMENT = int(os.environ.get('SEG','1024'))

def _decode(codes, r, how, table, values, bits, t, start, stop):
    """Write the values of the codes of row r to row t of the scratch: one version per lane type."""
    raise AssertionError("compiled code only")


@overload(_decode)
def _choose_decoder(codes, r, how, table, values, bits, t, start, stop):
    return {8: _decode_bytes, 16: _decode_pairs}.get(codes.dtype.bitwidth, _copy_bits)


def _decode_bytes(codes, r, how, table, values, bits, t, start, stop):
    decoder, scale = how
    if decoder == E5M2:
        for i in range(start, stop):
            values[t, i] = _half_to_single(np.uint64(codes[r, i]) << np.uint64(8))
    elif decoder == E4M3:
        factor = np.float32(scale)
        for i in range(start, stop):
            code = np.uint64(codes[r, i])
            half = ((code & np.uint64(0x80)) << np.uint64(8)) | ((code & np.uint64(0x7F)) << np.uint64(7))
            values[t, i] = _half_to_single(half) * factor
    else:
        for i in range(start, stop):
            values[t, i] = table[codes[r, i]]


def _decode_pairs(codes, r, how, table, values, bits, t, start, stop):
    if how[0] == BF16:
        for i in range(start, stop):
            bits[t, i] = np.uint32(codes[r, i]) << np.uint32(16)
    else:
        for i in range(start, stop):
            values[t, i] = _half_to_single(np.uint64(codes[r, i]))


def _copy_bits(codes, r, how, table, values, bits, t, start, stop):
    for i in range(start, stop):
        bits[t, i] = codes[r, i]


@part
def _extremes(codes, signed, r, start, stop):
    """Twice the least magnitude, the greatest code, the greatest signed code."""
    lane = codes.dtype.type
    doubled, high, signed_high = lane(codes[r, start] + codes[r, start]), codes[r, start], signed[r, start]
    for i in range(start, stop):
        code = codes[r, i]
        doubled = min(doubled, lane(code + code))
        high = max(high, code)
        signed_high = max(signed_high, signed[r, i])
    return doubled, high, signed_high


@part
def _count_zeros(codes, r, start, stop, sign, clean):
    """Numbers of zeros and of sign bits alone; writes the codes with +0 for -0 to `clean`."""
    zeros, bare = 0, 0
    for begin in range(start, stop, 128):
        few, alone = np.uint8(0), np.uint8(0)
        for i in range(begin, min(begin + 128, stop)):
            code = codes[r, i]
            is_zero = code | sign == sign
            few = np.uint8(few + ((code | sign) == sign))
            alone = np.uint8(alone + (code == sign))
            clean[0, i - start] = codes.dtype.type(0) if (code | sign) == sign else code
        zeros += few
        bare += alone
    return zeros, bare


@part
def _sums(values, t, start, stop):
    """Sum, sum of squares, sum of magnitudes."""
    total, squares, magnitudes = 0.0, 0.0, 0.0
    for i in range(start, stop):
        value = np.float64(values[t, i])
        total += value
        squares += value * value
        magnitudes += abs(value)
    return total, squares, magnitudes


@part
def _deviations(values, t, mean):
    """Sum of squared deviations from the mean, corrected for the rounding of `mean`."""
    total, squares = 0.0, 0.0
    for i in range(values.shape[1]):
        deviation = np.float64(values[t, i]) - mean
        total += deviation
        squares += deviation * deviation
    return max(squares - total * total / values.shape[1], 0.0)


@part
def _hash(words, r, first, keys, start, stop):
    result = np.uint64(0)
    for i in range(start, stop):
        word = words[r, i - first] + keys[i]
        result += (word & np.uint64(0xFFFFFFFF)) * (word >> np.uint64(32))
    return result

@part
def _mix(result):
    result = (result ^ (result >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    result = (result ^ (result >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return result ^ (result >> np.uint64(31))


@part
def _add_row(values, scales, t, g, pivot, shift, unit_sum):
    """Add row t of the tile to the column sums of group g; returns |row - pivot|^2."""
    squares = 0.0
    scale = scales[t]
    for i in range(values.shape[1]):
        value = np.float64(values[t, i])
        deviation = value - pivot[g, i]
        shift[g, i] += deviation
        squares += deviation * deviation
        unit_sum[g, i] += value * scale
    return squares


@part
def _add_tile(values, scales, g, pivot, shift, unit_sum):
    """The same for the four rows of a full tile."""
    q0, q1, q2, q3 = 0.0, 0.0, 0.0, 0.0  # apart: one chain of additions would be slower than the arithmetic
    s0, s1, s2, s3 = scales[0], scales[1], scales[2], scales[3]
    for i in range(values.shape[1]):
        p = pivot[g, i]
        v0, v1 = np.float64(values[0, i]), np.float64(values[1, i])
        v2, v3 = np.float64(values[2, i]), np.float64(values[3, i])
        d0, d1, d2, d3 = v0 - p, v1 - p, v2 - p, v3 - p
        shift[g, i] += (d0 + d1) + (d2 + d3)
        q0 += d0 * d0
        q1 += d1 * d1
        q2 += d2 * d2
        q3 += d3 * d3
        unit_sum[g, i] += (v0 * s0 + v1 * s1) + (v2 * s2 + v3 * s3)
    return (q0 + q1) + (q2 + q3)


@part
def _add_rows(values, scales, count, g, pivot, shift, unit_sum):
    """Add the first `count` rows of the tile to the column sums of group g; returns their sum of squares."""
    if count == TILE:
        return _add_tile(values, scales, g, pivot, shift, unit_sum)
    squares = 0.0
    for t in range(count):
        squares += _add_row(values, scales, t, g, pivot, shift, unit_sum)
    return squares


@kernel
def scan(rows, recipe, table, keys, size, scratch, groups, sums, out):
    """Scan rows of `size` bytes; `groups` has shape (rows,), or (0,) for no groups."""
    codes, signed, words = rows
    decoder, sign, limit, floor, has_negative_zero, scale = recipe
    how = (decoder, scale)
    clean_codes, clean_words, values, bits = scratch
    group_rows, pivots, shifts, squares, unit_rows, unit_sums = sums
    zeros, sum_, sumsq, l1, m2, least, greatest, fingerprint, marked = out
    width = values.shape[1]
    item = codes.itemsize
    scales = np.empty(TILE)
    tile, group = 0, -1  # rows of the tile that wait to be added to their group
    for r in range(codes.shape[0]):
        if tile > 0 and (tile == TILE or groups[r] != group):
            squares[group] += _add_rows(values, scales, tile, group, pivots, shifts, unit_sums)
            tile = 0
        doubled, high, signed_high = np.uint64(sign+(sign-np.uint64(1))), np.uint64(0), -np.int64(sign)
        hashed = np.uint64(size)
        total, total_squares, magnitudes = 0.0, 0.0, 0.0
        bad = False
        for start in range(0, width, SEGMENT):
            stop = min(start + SEGMENT, width)
            for line in range(start * item, stop * item, 64):
                _prefetch(words, r, line + DIST)
            d, h, s = _extremes(codes, signed, r, start, stop)
            doubled, high, signed_high = min(doubled, np.uint64(d)), max(high, np.uint64(h)), max(signed_high, np.int64(s))
            first, last = start * item // 8, (stop * item + 7) // 8
            if d == 0:
                zero, bare = _count_zeros(codes, r, start, stop, codes.dtype.type(sign), clean_codes)
                zeros[r] += zero
                bad |= bare > 0 and not has_negative_zero
                hashed += _hash(clean_words, 0, first, keys, first, last)
            else:
                hashed += _hash(words, r, 0, keys, first, last)
            _decode(codes, r, how, table, values, bits, tile, start, stop)
            a, b, c = _sums(values, tile, start, stop)
            total, total_squares, magnitudes = total + a, total_squares + b, magnitudes + c
        smallest = doubled >> np.uint64(1)
        negative = high >= sign
        positive = signed_high >= 0
        least[r] = high if negative else smallest
        greatest[r] = np.uint64(signed_high) if positive else sign | smallest
        most = max(high ^ sign if negative else np.uint64(0), np.uint64(signed_high) if positive else np.uint64(0))
        if bad or most >= limit or (0 < most < floor):
            marked[r] = 1
            continue
        fingerprint[r] = _mix(hashed)
        sum_[r], sumsq[r], l1[r] = total, total_squares, magnitudes
        m2[r] = total_squares - total * total / width
        if least[r] == greatest[r]:
            m2[r] = 0.0
        elif m2[r] < 0.5 * total_squares:
            m2[r] = _deviations(values, tile, total / width)
        if groups.size > 0 and groups[r] >= 0:
            group = groups[r]
            if group_rows[group] == 0:
                for i in range(width):
                    pivots[group, i] = values[tile, i]
            group_rows[group] += 1
            unit_rows[group] += total_squares > 0
            scales[tile] = 1.0 / np.sqrt(total_squares) if total_squares > 0 else 0.0
            tile += 1
    if tile > 0:
        squares[group] += _add_rows(values, scales, tile, group, pivots, shifts, unit_sums)


@kernel
def project(rows, recipe, table, scratch, vectors, products, power):
    """Dot products of rows with `vectors` (k, d) to `products` (rows, k).

    With `power` of shape (d,), not (0,), it gains X^T (X v) for the last vector v, over the finite rows X.
    """
    codes = rows.codes
    how = (recipe.decoder, recipe.scale)
    values, bits = scratch.values, scratch.bits
    for r in range(codes.shape[0]):
        _decode(codes, r, how, table, values, bits, 0, 0, values.shape[1])
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
