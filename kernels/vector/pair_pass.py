"""The inner loops over two rows side by side, in vector code."""
# ruff: noqa: ANN001, ANN201, ANN202 - builders and values of llvmlite, which carries no types
# mypy: disable-error-code="no-untyped-def, no-untyped-call, type-arg, call-arg"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rowscope.kernels.formats import Format
from rowscope.kernels.vector.row_pass import BYTES, Totals
from rowscope.kernels.vector.vectors import (
    DOUBLE,
    LONG,
    PARTS,
    SUMS,
    Blocks,
    load,
    multiply_add,
    offset,
    reduce,
    splat,
)

_WORDS = 8
"""64-bit words that are compared at once."""


@intrinsic
def differ(typing_context, one, other, blocks):
    """Not 0 where the first `blocks` blocks of 64 bytes at two addresses differ."""

    def generate(context, builder, signature, arguments):
        left, right, count = arguments
        words = ir.VectorType(LONG, _WORDS)
        total = Totals(builder, [splat(words, 0)])
        with cgutils.for_range(builder, count, intp=LONG) as loop:
            at = builder.mul(loop.index, LONG(8 * _WORDS))
            pair = [load(builder, offset(builder, pointer, at), words) for pointer in (left, right)]
            total.set(builder, [builder.or_(total.get(builder)[0], builder.xor(*pair))])
        return reduce(builder, "or", total.get(builder)[0])

    return types.uint64(BYTES, BYTES, types.int64), generate


def make_moments(base: Format, tuned: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`moments(x, y, strips)`: |x|^2, |y|^2, |y - x|^2, x.y and the number of elements that differ."""

    @intrinsic
    def moments(typing_context, x, y, strips):
        result = types.Tuple([types.float64] * 4 + [types.int64])

        def generate(context, builder, signature, arguments):
            left, right, count = arguments
            shapes = Blocks(base, context), Blocks(tuned, context)
            real = ir.VectorType(DOUBLE, shapes[0].doubles)
            totals = Totals(builder, [*[splat(real, 0.0)] * 4, LONG(0)])
            with cgutils.for_range(builder, count, intp=LONG) as loop:
                rows = [_strip(builder, *row, loop.index) for row in zip(shapes, (left, right), strict=True)]
                for a, b in zip(*rows, strict=True):
                    totals.set(builder, _add(builder, totals.get(builder), a, b))
            *sums, changed = totals.get(builder)
            found = [*(reduce(builder, "fadd", total) for total in sums), changed]
            return context.make_tuple(builder, signature.return_type, found)

        return result(BYTES, BYTES, types.int64), generate

    return moments


def make_squares(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`squares(x, strips)`: |x|^2."""

    @intrinsic
    def squares(typing_context, x, strips):
        def generate(context, builder, signature, arguments):
            pointer, count = arguments
            shape = Blocks(form, context)
            totals = Totals(builder, [splat(ir.VectorType(DOUBLE, shape.doubles), 0.0)] * PARTS)
            with cgutils.for_range(builder, count, intp=LONG) as loop:
                values = _strip(builder, shape, pointer, loop.index)
                pairs = zip(values, totals.get(builder), strict=True)
                totals.set(builder, [multiply_add(builder, v, v, t) for v, t in pairs])
            total, *rest = totals.get(builder)
            for other in rest:
                total = builder.fadd(total, other, flags=SUMS)
            return reduce(builder, "fadd", total)

        return types.float64(BYTES, types.int64), generate

    return squares


def _strip(builder, shape: Blocks, pointer, index) -> list:
    """Values of strip `index` of a row."""
    start = builder.mul(index, LONG(PARTS * shape.doubles * shape.form.lane.itemsize))
    place = offset(builder, pointer, start)
    return [shape.decode_all(builder, piece) for piece in shape.pieces(builder, place, PARTS)]


def _add(builder, totals: list, a, b) -> list:
    xx, yy, dd, xy, changed = totals
    shift = builder.fsub(b, a)
    mask = builder.fcmp_unordered("!=", a, b)
    bits = builder.bitcast(mask, ir.IntType(mask.type.count))
    return [
        multiply_add(builder, a, a, xx),
        multiply_add(builder, b, b, yy),
        multiply_add(builder, shift, shift, dd),
        multiply_add(builder, a, b, xy),
        builder.add(changed, builder.ctpop(builder.zext(bits, LONG))),
    ]
