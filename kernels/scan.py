"""The fused row pass, compiled: raw bits in, per-row quantities and sums per group out.

A row is read once, block by block (`rowscope.kernels.row_pass`); what is left behind the last whole block
goes element by element. Rows of one group wait in a tile until there are enough of them to add to the group's
column sums together, while their bytes are still in the first cache.
"""
# ruff: noqa: ANN001, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"

from __future__ import annotations

from typing import Any

import numpy as np

from rowscope.kernels.arguments import TILE
from rowscope.kernels.cells import (
    advance,
    make_block_size,
    make_code_at,
    make_strip_size,
    make_value_at,
    make_value_of,
    square_root,
    word_at,
)
from rowscope.kernels.compiler import part
from rowscope.kernels.formats import Format
from rowscope.kernels.limits import floor_code, limit_code
from rowscope.kernels.row_pass import make_deviations, make_row_pass, make_zero_pass
from rowscope.kernels.tile_pass import make_add_rows, make_put_in_order, make_sum_rows

LARGEST_SHARE = 1 - 1 / 64
"""Of the squares of a group's rows that their mean may make up: when it is subtracted, six of 53 bits cancel
at most."""


def make_scan(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """The scan for rows of a format; `rowscope.kernels.arguments` describes what it takes."""
    sign = np.uint64(1 << (form.lane.itemsize * 8 - 1))
    limit, floor = limit_code(form), floor_code(form)
    negative_zero = form.sign_mask != 0
    measure, count_zeros = make_measure(form), make_count_zeros(form)
    square_deviations, value_of = make_square_deviations(form), make_value_of(form)
    sum_tile, finish = make_sum_tile(form), make_finish(form)

    def scan(rows, keys, groups, tile, out):
        waiting, group = 0, -1  # rows of the tile that wait to be added to the sums of their group
        for r in range(rows.number):
            row = advance(rows.start, r * rows.stride)
            least, high, signed_high, prints, total, squares, magnitudes = measure(row, rows, keys)
            negative, positive = high >= sign, signed_high < sign
            low = high if negative else least
            top = signed_high if positive else sign | least
            out.min[r], out.max[r] = value_of(low), value_of(top)
            most = max(high ^ sign if negative else least, signed_high if positive else least)
            special = most >= limit or np.uint64(0) < most < floor
            if least == 0:
                out.zeros[r], bare, prints = count_zeros(row, rows, keys.words)
                special |= bare > 0 and not negative_zero
            out.fingerprint[r] = _mix(prints)
            out.special[r] = special
            if special:
                continue
            out.sum[r], out.sumsq[r], out.l1[r] = total, squares, magnitudes
            out.m2[r] = 0.0 if low == top else square_deviations(row, rows, total, squares)
            if groups.number > 0 and groups.member[r] >= 0:
                if waiting == TILE or (waiting > 0 and groups.member[r] != group):
                    sum_tile(rows, waiting, group, groups, tile, keys.upper)
                    waiting = 0
                group = groups.member[r]
                groups.rows[group] += 1
                groups.unit_rows[group] += squares > 0
                groups.squares[group] += squares
                put(tile, waiting, r, rows, squares)
                waiting += 1
        if waiting > 0:
            sum_tile(rows, waiting, group, groups, tile, keys.upper)
        for g in range(groups.number):
            if groups.rows[g] > 0:
                finish(rows, g, groups, tile, out)

    return scan


@part
def put(tile, place, r, rows, squares) -> None:
    """Let row r wait in a place of the tile."""
    tile.offsets[place] = r * rows.stride
    tile.scales[place] = 1.0 / square_root(squares) if squares > 0 else 0.0


def make_measure(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`measure(row, rows, keys)`: least magnitude, greatest code, greatest signed code, the fingerprint's
    sum, sum, sum of squares and sum of magnitudes of a row."""
    row_pass, block, code_at, value_at = _parts(form, make_row_pass)
    size = form.lane.itemsize
    sign = np.uint64(1 << (size * 8 - 1))

    @part
    def measure(row, rows, keys):
        blocks = rows.width // block()
        doubled, high, signed_high, prints, total, squares, magnitudes = row_pass(
            row, blocks, keys.words, keys.upper
        )
        least = doubled >> np.uint64(1)
        for i in range(blocks * block(), rows.width):
            code, value = code_at(row, i), value_at(row, i)
            least = min(least, code & ~sign)
            high = max(high, code)
            signed_high = (
                max(signed_high ^ sign, code ^ sign) ^ sign
            )  # flipped, negative codes are the lesser
            total += value
            squares += value * value
            magnitudes += abs(value)
        prints += _hash_rest(row, blocks * block() * size, rows.size, keys.words)
        return least, high, signed_high, prints + np.uint64(rows.size), total, squares, magnitudes

    return measure


def make_count_zeros(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`count_zeros(row, rows, keys)`: zeros, sign bits alone, and the fingerprint's sum with +0 for -0."""
    zero_pass, block, code_at, _ = _parts(form, make_zero_pass)
    size = form.lane.itemsize
    sign = np.uint64(1 << (size * 8 - 1))

    @part
    def count_zeros(row, rows, keys):
        blocks = rows.width // block()
        zeros, bare, prints = zero_pass(row, blocks, keys)
        word, place = np.uint64(0), 0  # the word of the fingerprint under way, and its number
        for i in range(blocks * block(), rows.width):
            code = code_at(row, i)
            zeros += code | sign == sign
            bare += code == sign
            code = np.uint64(0) if code == sign else code
            place = i * size // 8
            word |= code << np.uint64(i * size % 8 * 8)
            if (i + 1) * size % 8 == 0 or i + 1 == rows.width:
                prints += _hash(word, keys[place])
                word = np.uint64(0)
        return np.int64(zeros), bare, prints + np.uint64(rows.size)

    return count_zeros


def make_square_deviations(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`square_deviations(row, rows, total, squares)`: sum of squared deviations of a row from its mean."""
    deviations, block, _, value_at = _parts(form, make_deviations)

    @part
    def square_deviations(row, rows, total, squares):
        # Q - S^2 / n, unless more than half of Q cancels: then the definition, corrected for the rounding of
        # the mean.
        n = rows.width
        if total * total <= 0.5 * n * squares:
            return squares - total * total / n
        mean = total / n
        blocks = n // block()
        rest, result = deviations(row, blocks, mean)
        for i in range(blocks * block(), n):
            deviation = value_at(row, i) - mean
            rest += deviation
            result += deviation * deviation
        return max(result - rest * rest / n, 0.0)

    return square_deviations


def make_sum_tile(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`sum_tile(rows, waiting, group, groups, tile, upper)`: add the rows of the tile to the sums of their
    group, about a pivot of 0."""
    sum_rows, strip, value_at = make_sum_rows(form), make_strip_size(form), make_value_at(form)

    @part
    def sum_tile(rows, waiting, group, groups, tile, upper):
        width = rows.width
        shift, unit_sum = advance(groups.shift, group * width), advance(groups.unit_sum, group * width)
        strips = width // strip()
        sum_rows(rows.start, tile.offsets, tile.scales, waiting, strips, shift, unit_sum, upper)
        for i in range(strips * strip(), width):
            for t in range(waiting):
                value = value_at(advance(rows.start, tile.offsets[t]), i)
                shift[i] += value
                unit_sum[i] += value * tile.scales[t]

    return sum_tile


def make_finish(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`finish(rows, group, groups, tile, out)`: a group's sums as they are to be, once all rows are added."""
    strip, put_in_order = make_strip_size(form), make_put_in_order(form)
    sum_about_pivot = make_sum_about_pivot(form)

    @part
    def finish(rows, group, groups, tile, out):
        start, strips = group * rows.width, rows.width // strip()
        put_in_order(advance(groups.shift, start), strips)
        put_in_order(advance(groups.unit_sum, start), strips)
        moved = 0.0
        for i in range(rows.width):
            moved += groups.shift[start + i] ** 2
        if not moved < LARGEST_SHARE * groups.rows[group] * groups.squares[group]:
            sum_about_pivot(rows, group, groups, tile, out)

    return finish


def make_sum_about_pivot(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`sum_about_pivot(rows, group, groups, tile, out)`: sums of a group's rows anew, about the first one.

    They scatter so little about their mean that squares about 0 do not tell by how much."""
    add_tile, value_at = make_add_tile(form), make_value_at(form)

    @part
    def sum_about_pivot(rows, group, groups, tile, out):
        width, waiting, begun = rows.width, 0, False
        pivot, shift = advance(groups.pivot, group * width), advance(groups.shift, group * width)
        groups.squares[group] = 0.0
        for i in range(width):
            shift[i] = 0.0
        for r in range(rows.number):
            if groups.member[r] != group or out.special[r]:
                continue
            if not begun:
                begun = True
                for i in range(width):
                    pivot[i] = value_at(advance(rows.start, r * rows.stride), i)
            put(tile, waiting, r, rows, 0.0)
            waiting += 1
            if waiting == TILE:
                add_tile(rows, waiting, group, groups, tile)
                waiting = 0
        if waiting > 0:
            add_tile(rows, waiting, group, groups, tile)

    return sum_about_pivot


def make_add_tile(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`add_tile(rows, waiting, group, groups, tile)`: add the rows of the tile to sums about the pivot."""
    add_rows, strip, value_at = make_add_rows(form), make_strip_size(form), make_value_at(form)

    @part
    def add_tile(rows, waiting, group, groups, tile):
        width = rows.width
        pivot, shift = advance(groups.pivot, group * width), advance(groups.shift, group * width)
        strips = width // strip()
        squares = add_rows(rows.start, tile.offsets, waiting, strips, pivot, shift)
        for i in range(strips * strip(), width):
            for t in range(waiting):
                deviation = value_at(advance(rows.start, tile.offsets[t]), i) - pivot[i]
                shift[i] += deviation
                squares += deviation * deviation
        groups.squares[group] += squares

    return add_tile


def _parts(form: Format, make: Any) -> tuple[Any, Any, Any, Any]:  # noqa: ANN401 - functions of numba's language
    return make(form), make_block_size(form), make_code_at(form), make_value_at(form)


@part
def _hash_rest(row, first, size, keys):
    """The fingerprint's sum over the words from byte `first` on; the last one is filled up with zeros."""
    result = np.uint64(0)
    whole = size // 8 * 8
    for at in range(first, whole, 8):
        result += _hash(word_at(row, at), keys[at // 8])
    if whole < size:
        word = np.uint64(0)
        for at in range(max(whole, first), size):
            word |= np.uint64(row[at]) << np.uint64((at - whole) * 8)
        result += _hash(word, keys[whole // 8])
    return result


@part
def _hash(word, key):
    word += key
    return (word & np.uint64(0xFFFFFFFF)) * (word >> np.uint64(32))


@part
def _mix(result):
    """See `rowscope.kernels.fingerprint`."""
    result = (result ^ (result >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    result = (result ^ (result >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return result ^ (result >> np.uint64(31))
