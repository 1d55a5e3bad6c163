"""The inner loops over a few rows at once, in vector code: column sums and dot products.

Strip by strip of columns all rows of a tile are worked on while the sums of these columns are in registers:
they are loaded and stored once for the tile. Rows are given by their offsets from a base address.
"""
# ruff: noqa: ANN001, ANN202 - builders and values of llvmlite, which carries no types
# mypy: disable-error-code="no-untyped-def, no-untyped-call, type-arg, call-arg"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rowscope.kernels.formats import Format
from rowscope.kernels.vector.row_pass import Totals
from rowscope.kernels.vector.vectors import (
    BYTE,
    DOUBLE,
    LONG,
    PARTS,
    SUMS,
    WORD,
    Blocks,
    load,
    multiply_add,
    offset,
    reduce,
    splat,
    spread,
    store,
)

BYTES = types.CPointer(types.uint8)
OFFSETS, NUMBERS = types.CPointer(types.int64), types.CPointer(types.float64)


class Columns:
    """The columns of one strip in arrays of float64, as vectors <doubles x double>."""

    def __init__(self, builder, shape: Blocks, index) -> None:
        self._shape = shape
        self._start = builder.mul(index, LONG(PARTS * shape.size))
        self._kind = ir.VectorType(DOUBLE, shape.doubles)

    def _places(self, builder, array) -> list:
        first = offset(builder, builder.bitcast(array, BYTE.as_pointer()), self._start)
        return [offset(builder, first, at * self._shape.size) for at in range(PARTS)]

    def load(self, builder, array) -> list:
        return [load(builder, place, self._kind) for place in self._places(builder, array)]

    def store(self, builder, values, array) -> None:
        for value, place in zip(values, self._places(builder, array), strict=True):
            store(builder, value, place)


def _place(builder, shape: Blocks, index, base, offsets, t):
    """Address of strip `index` of row t of the tile."""
    at = builder.load(builder.gep(offsets, [t]))
    start = builder.add(at, builder.mul(index, LONG(PARTS * shape.doubles * shape.form.lane.itemsize)))
    return offset(builder, base, start)


def _row(builder, shape: Blocks, index, base, offsets, t) -> list:
    """Values over `scale` of strip `index` of row t of the tile."""
    return shape.values(builder, _place(builder, shape, index, base, offsets, t), PARTS)


def _number(builder, shape: Blocks, numbers, t, scale: float):
    """Number t of an array, times `scale`, in every lane of a vector."""
    value = builder.fmul(builder.load(builder.gep(numbers, [t])), DOUBLE(scale))
    return spread(builder, value, shape.doubles)


def make_sum_rows(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`sum_rows(base, offsets, scales, rows, strips, total, unit_sum, upper)`: add rows to column sums.

    `total` gains each row, `unit_sum` each times its scale. The sums of a strip lie in pairs (see `Blocks`)
    until `put_in_order` is called.
    """

    @intrinsic
    def sum_rows(typing_context, base, offsets, scales, rows, strips, total, unit_sum, upper):
        def generate(context, builder, signature, arguments):
            base, offsets, scales, rows, strips, total, unit_sum, upper = arguments
            shape = Blocks(form, context)
            upper = shape.spread_upper(builder, upper)
            sums = Totals(builder, [splat(ir.VectorType(DOUBLE, shape.doubles), 0.0)] * (2 * PARTS))
            with cgutils.for_range(builder, strips, intp=LONG) as loop:
                columns = Columns(builder, shape, loop.index)
                sums.set(builder, columns.load(builder, total) + columns.load(builder, unit_sum))
                with cgutils.for_range(builder, rows, intp=LONG) as inner:
                    place = _place(builder, shape, loop.index, base, offsets, inner.index)
                    values = shape.values_in_pairs(builder, place, PARTS, upper)
                    scale = _number(builder, shape, scales, inner.index, shape.scale)
                    have = sums.get(builder)
                    added = [_add(builder, v, t, shape) for v, t in zip(values, have[:PARTS], strict=True)]
                    pairs = zip(values, have[PARTS:], strict=True)
                    sums.set(builder, added + [multiply_add(builder, v, scale, t) for v, t in pairs])
                found = sums.get(builder)
                columns.store(builder, found[:PARTS], total)
                columns.store(builder, found[PARTS:], unit_sum)
            return context.get_dummy_value()

        arguments = (BYTES, OFFSETS, NUMBERS, types.int64, types.int64, NUMBERS, NUMBERS, types.int64)
        return types.none(*arguments), generate

    return sum_rows


def make_put_in_order(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`put_in_order(sums, strips)`: sums that `sum_rows` left in pairs, in the order of the columns."""

    @intrinsic
    def put_in_order(typing_context, sums, strips):
        def generate(context, builder, signature, arguments):
            sums, strips = arguments
            shape = Blocks(form, context)
            places = ir.VectorType(WORD, shape.doubles)
            turns = [at // 2 + at % 2 * shape.doubles for at in range(2 * shape.doubles)]
            halves = (turns[: shape.doubles], turns[shape.doubles :])
            masks = [ir.Constant(places, half) for half in halves]
            with cgutils.for_range(builder, strips if shape.paired else LONG(0), intp=LONG) as loop:
                columns = Columns(builder, shape, loop.index)
                found = columns.load(builder, sums)
                pairs = zip(found[::2], found[1::2], strict=True)
                columns.store(
                    builder, [builder.shuffle_vector(*pair, mask) for pair in pairs for mask in masks], sums
                )
            return context.get_dummy_value()

        return types.none(NUMBERS, types.int64), generate

    return put_in_order


def _add(builder, value, total, shape: Blocks):
    if shape.scale != 1:
        return multiply_add(builder, value, splat(value.type, shape.scale), total)
    return builder.fadd(total, value, flags=SUMS)


def make_add_rows(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`add_rows(base, offsets, rows, strips, pivot, shift)`: add rows to column sums about a pivot.

    `shift` gains row - pivot; returns the sum of |row - pivot|^2.
    """

    @intrinsic
    def add_rows(typing_context, base, offsets, rows, strips, pivot, shift):
        def generate(context, builder, signature, arguments):
            base, offsets, rows, strips, pivot, shift = arguments
            shape = Blocks(form, context)
            zero = splat(ir.VectorType(DOUBLE, shape.doubles), 0.0)
            squares, sums = Totals(builder, [zero] * PARTS), Totals(builder, [zero] * PARTS)
            with cgutils.for_range(builder, strips, intp=LONG) as loop:
                columns = Columns(builder, shape, loop.index)
                centre = columns.load(builder, pivot)
                sums.set(builder, columns.load(builder, shift))
                with cgutils.for_range(builder, rows, intp=LONG) as inner:
                    values = _row(builder, shape, loop.index, base, offsets, inner.index)
                    moves = [_shifted(builder, v, p, shape) for v, p in zip(values, centre, strict=True)]
                    pairs = zip(moves, sums.get(builder), strict=True)
                    sums.set(builder, [builder.fadd(t, m, flags=SUMS) for m, t in pairs])
                    pairs = zip(moves, squares.get(builder), strict=True)
                    squares.set(builder, [multiply_add(builder, m, m, t) for m, t in pairs])
                columns.store(builder, sums.get(builder), shift)
            total, *rest = squares.get(builder)
            for other in rest:
                total = builder.fadd(total, other, flags=SUMS)
            return reduce(builder, "fadd", total)

        arguments = (BYTES, OFFSETS, types.int64, types.int64, NUMBERS, NUMBERS)
        return types.float64(*arguments), generate

    return add_rows


def _shifted(builder, value, pivot, shape: Blocks):
    if shape.scale != 1:
        value = builder.fmul(value, splat(value.type, shape.scale))
    return builder.fsub(value, pivot)


def make_add_weighted(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`add_weighted(base, offsets, weights, rows, strips, total)`: add rows, each times its weight."""

    @intrinsic
    def add_weighted(typing_context, base, offsets, weights, rows, strips, total):
        def generate(context, builder, signature, arguments):
            base, offsets, weights, rows, strips, total = arguments
            shape = Blocks(form, context)
            zero = splat(ir.VectorType(DOUBLE, shape.doubles), 0.0)
            sums = Totals(builder, [zero] * PARTS)
            with cgutils.for_range(builder, strips, intp=LONG) as loop:
                columns = Columns(builder, shape, loop.index)
                sums.set(builder, columns.load(builder, total))
                with cgutils.for_range(builder, rows, intp=LONG) as inner:
                    values = _row(builder, shape, loop.index, base, offsets, inner.index)
                    weight = _number(builder, shape, weights, inner.index, shape.scale)
                    pairs = zip(values, sums.get(builder), strict=True)
                    sums.set(builder, [multiply_add(builder, v, weight, t) for v, t in pairs])
                columns.store(builder, sums.get(builder), total)
            return context.get_dummy_value()

        return types.none(BYTES, OFFSETS, NUMBERS, types.int64, types.int64, NUMBERS), generate

    return add_weighted


def make_multiply(form: Format, rows: int, most: int) -> Any:  # noqa: ANN401 - a function of numba's language
    """`multiply(base, offsets, strips, vectors, width, products)`: dot products of `rows` rows with `most`
    vectors of `width` float64 elements, one behind the other; `products` is (rows, most)."""

    @intrinsic
    def multiply(typing_context, base, offsets, strips, vectors, width, products):
        def generate(context, builder, signature, arguments):
            base, offsets, strips, vectors, width, products = arguments
            shape = Blocks(form, context)
            zero = splat(ir.VectorType(DOUBLE, shape.doubles), 0.0)
            sums = Totals(builder, [zero] * (rows * most))
            starts = [builder.gep(vectors, [builder.mul(width, LONG(k))]) for k in range(most)]
            with cgutils.for_range(builder, strips, intp=LONG) as loop:
                columns = Columns(builder, shape, loop.index)
                found = sums.get(builder)
                factors = [columns.load(builder, start) for start in starts]
                for t in range(rows):
                    values = _row(builder, shape, loop.index, base, offsets, LONG(t))
                    for k, factor in enumerate(factors):
                        at = t * most + k
                        for value, element in zip(values, factor, strict=True):
                            found[at] = multiply_add(builder, value, element, found[at])
                sums.set(builder, found)
            for at, total in enumerate(sums.get(builder)):
                product = builder.fmul(reduce(builder, "fadd", total), DOUBLE(shape.scale))
                builder.store(product, builder.gep(products, [LONG(at)]))
            return context.get_dummy_value()

        arguments = (BYTES, OFFSETS, types.int64, NUMBERS, types.int64, NUMBERS)
        return types.none(*arguments), generate

    return multiply
