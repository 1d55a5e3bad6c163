"""The fused row pass, compiled: raw bits in, per-row quantities and sums per group out.

A row goes through short loops that stay in the first-level cache: its extremes as integers, its fingerprint,
the decoding, the sums in float64, its share of the group sums. numba compiles `scan` once per lane type.

Only indexing in the loops over rows: a view of an array would be counted and freed, which costs more than the
arithmetic of a short row.
"""
# ruff: noqa: ANN001, ANN201, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, assignment"

from __future__ import annotations

import numpy as np

from rowscope.kernels.decode import decode, prefetch_row
from rowscope.kernels.jit import kernel, part
from rowscope.kernels.prepare import TILE


@kernel
def scan(rows, recipe, scratch, groups, sums, out):
    """Scan rows; see `rowscope.kernels.prepare` for the arguments.

    `groups` has shape (rows,), -1 for no group, or shape (0,) for no groups at all.
    """
    codes, signed, words, size = rows
    clean_codes, clean_words, values, bits, keys = scratch
    sign, width = recipe.sign, values.shape[1]
    scales = np.zeros(TILE)
    tile, group = 0, -1  # rows of the tile that wait to be added to the sums of their group
    for r in range(codes.shape[0]):
        prefetch_row(words, r, size)
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
        out.special[r] = special
        if special:
            continue
        if tile > 0 and (tile == TILE or groups[r] != group):
            _add_tile(values, scales, tile, group, sums)
            tile = 0
        decode(codes, r, recipe, values, bits, tile)
        total, squares, magnitudes = _sums(values, tile)
        out.sum[r], out.sumsq[r], out.l1[r] = total, squares, magnitudes
        constant = out.low[r] == out.high[r]
        out.m2[r] = 0.0 if constant else _squared_deviations(values, tile, total, squares)
        if groups.size > 0 and groups[r] >= 0:
            group = groups[r]
            scales[tile] = 1.0 / np.sqrt(squares) if squares > 0 else 0.0
            _join(values, tile, scales[tile], group, sums)
            tile += 1
    if tile > 0:
        _add_tile(values, scales, tile, group, sums)


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
def _sums(values, t):
    """Sum, sum of squares and sum of magnitudes of row t."""
    total, squares, magnitudes = 0.0, 0.0, 0.0
    for i in range(values.shape[1]):
        value = np.float64(values[t, i])
        total += value
        squares += value * value
        magnitudes += abs(value)
    return total, squares, magnitudes


@part
def _squared_deviations(values, t, total, squares):
    """Sum of squared deviations of row t from its mean, given its sum S and its sum of squares Q.

    Q - S^2 / n, unless more than half of Q cancels: then the definition, corrected for the rounding of the
    mean.
    """
    n = values.shape[1]
    if total * total <= 0.5 * n * squares:
        return squares - total * total / n
    mean = total / n
    rest, result = 0.0, 0.0
    for i in range(n):
        deviation = np.float64(values[t, i]) - mean
        rest += deviation
        result += deviation * deviation
    return max(result - rest * rest / n, 0.0)


@part
def _join(values, tile, scale, g, sums):
    """Count row `tile` of the tile as a member of group g; the first member is the group's pivot."""
    if sums.rows[g] == 0:
        for i in range(values.shape[1]):
            sums.pivot[g, i] = values[tile, i]
    sums.rows[g] += 1
    sums.unit_rows[g] += scale > 0


@part
def _add_tile(values, scales, tile, g, sums):
    """Add the first `tile` rows of the tile to the column sums of group g."""
    for t in range(tile, TILE):  # the others become rows that change no sum
        scales[t] = 0.0
        for i in range(values.shape[1]):
            values[t, i] = sums.pivot[g, i]
    sums.squares[g] += _add_columns(values, scales, g, sums.pivot, sums.shift, sums.unit_sum)


@part
def _add_columns(values, scales, g, pivot, shift, unit_sum):
    """Add a full tile to the column sums; returns the sum of |row - pivot|^2."""
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
