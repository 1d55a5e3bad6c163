"""Column sums of a group: rows of one tile added together, and the sums made final."""
# ruff: noqa: ANN001, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"

from __future__ import annotations

from typing import Any

from rowscope.kernels.arguments import TILE
from rowscope.kernels.compile.compiler import part
from rowscope.kernels.formats import Format
from rowscope.kernels.vector.cells import advance, make_strip_size, make_value_at, square_root
from rowscope.kernels.vector.tile_pass import make_add_rows, make_put_in_order, make_sum_rows

LARGEST_SHARE = 1 - 1 / 64
"""Of the squares of a group's rows that their mean may make up: when it is subtracted, six of 53 bits cancel
at most."""


@part
def put(tile, place, r, rows, squares) -> None:
    """Let row r wait in a place of the tile."""
    tile.offsets[place] = r * rows.stride
    tile.scales[place] = 1.0 / square_root(squares) if squares > 0 else 0.0


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
    finish_plain, sum_about_pivot = make_finish_plain(form), make_sum_about_pivot(form)

    @part
    def finish(rows, group, groups, tile, out):
        if finish_plain(rows.width, group, groups):
            sum_about_pivot(rows, group, groups, tile, out)

    return finish


def make_finish_plain(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`finish_plain(width, group, groups)`: bring a group's sums about 0 into their order; whether they have
    to be taken anew, about a pivot."""
    strip, put_in_order = make_strip_size(form), make_put_in_order(form)

    @part
    def finish_plain(width, group, groups):
        start, strips = group * width, width // strip()
        put_in_order(advance(groups.shift, start), strips)
        put_in_order(advance(groups.unit_sum, start), strips)
        moved = 0.0
        for i in range(width):
            moved += groups.shift[start + i] ** 2
        return not moved < LARGEST_SHARE * groups.rows[group] * groups.squares[group]

    return finish_plain


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
