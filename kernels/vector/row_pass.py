"""The inner loops over one row, in vector code: its extremes, fingerprint and sums in a single pass.

Each is made for a format by a function that numba compiles into its caller. Rows are byte pointers at any
address; what is left of a row behind the last whole block is the caller's, by `code_at` and `value_at`.
"""
# ruff: noqa: ANN001, ANN201, ANN202 - builders and values of llvmlite, which carries no types
# mypy: disable-error-code="no-untyped-def, no-untyped-call, type-arg, call-arg"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rowscope.kernels.formats import Format
from rowscope.kernels.vector import vectors
from rowscope.kernels.vector.vectors import (
    DOUBLE,
    LONG,
    SUMS,
    Blocks,
    load,
    multiply_add,
    offset,
    reduce,
    splat,
)

BYTES, WORDS = types.CPointer(types.uint8), types.CPointer(types.uint64)


class Totals:
    """Running vectors that live in registers: the compiler's first pass takes them out of memory."""

    def __init__(self, builder, start: list) -> None:
        self._slots = [cgutils.alloca_once_value(builder, value) for value in start]

    def get(self, builder) -> list:
        return [builder.load(slot) for slot in self._slots]

    def set(self, builder, values: list) -> None:
        for slot, value in zip(self._slots, values, strict=True):
            builder.store(value, slot)


def make_row_pass(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`row_pass(row, blocks, keys, upper)`: the quantities of a row's first blocks.

    Returns twice the least magnitude, the greatest code, the greatest signed code (as a word of the lane's
    width), the fingerprint's sum, and sum, sum of squares and sum of magnitudes.
    """

    @intrinsic
    def row_pass(typing_context, row, blocks, keys, upper):
        result = types.Tuple([types.uint64] * 4 + [types.float64] * 3)

        def generate(context, builder, signature, arguments):
            pointer, count, key, upper = arguments
            shape = Blocks(form, context)
            upper = shape.spread_upper(builder, upper)
            codes, real = ir.VectorType(shape.lane, shape.lanes), ir.VectorType(DOUBLE, shape.doubles)
            words = ir.VectorType(LONG, shape.doubles)
            top = 1 << (shape.lane.width - 1)
            chains = min(2, shape.parts)
            extremes = [splat(codes, 2 * top - 1), splat(codes, 0), splat(codes, top), splat(words, 0)]
            integers = Totals(builder, extremes)
            sums = Totals(builder, [splat(real, 0.0)] * (3 * chains))
            with cgutils.for_range(builder, count, intp=LONG) as loop:
                at = builder.mul(loop.index, LONG(shape.size))
                place = offset(builder, pointer, at)
                code = shape.codes(builder, place)
                integers.set(builder, _extremes(builder, integers.get(builder), code, words, key, at))
                values = shape.values_in_pairs(builder, place, shape.parts, upper)
                sums.set(builder, add_sums(builder, sums.get(builder), values, chains))
            least, high, signed_high, prints = integers.get(builder)
            found = [
                builder.zext(reduce(builder, "umin", least), LONG),
                builder.zext(reduce(builder, "umax", high), LONG),
                builder.zext(reduce(builder, "smax", signed_high), LONG),
                reduce(builder, "add", prints),
                *final_sums(builder, sums.get(builder), chains, shape.scale),
            ]
            return context.make_tuple(builder, signature.return_type, found)

        return result(BYTES, types.int64, WORDS, types.int64), generate

    return row_pass


def _extremes(builder, totals: list, code, words, keys, at) -> list:
    """Comparisons of integers vectorise, those of floats do not. Doubling a code drops its sign bit."""
    least, high, signed_high, prints = totals
    doubled = builder.add(code, code)
    smaller = builder.icmp_unsigned("<", doubled, least)
    greater = builder.icmp_unsigned(">", code, high)
    above = builder.icmp_signed(">", code, signed_high)
    key = load(builder, offset(builder, builder.bitcast(keys, vectors.BYTE.as_pointer()), at), words)
    return [
        builder.select(smaller, doubled, least),
        builder.select(greater, code, high),
        builder.select(above, code, signed_high),
        builder.add(prints, hash_words(builder, builder.bitcast(code, words), key)),
    ]


def hash_words(builder, word, key):
    """See `rowscope.kernels.fingerprint`."""
    word = builder.add(word, key)
    low = builder.and_(word, splat(word.type, 0xFFFFFFFF))
    return builder.mul(low, builder.lshr(word, splat(word.type, 32)))


def add_sums(builder, totals: list, values: list, chains: int) -> list:
    """Sum, squares and magnitudes of values, each in `chains` independent additions."""
    total, squares, magnitudes = totals[:chains], totals[chains : 2 * chains], totals[2 * chains :]
    for at, value in enumerate(values):
        squares[at % chains] = multiply_add(builder, value, value, squares[at % chains])
    sizes = [vectors.call(builder, f"llvm.fabs.v{v.type.count}f64", v.type, [v]) for v in values]
    for at, (value, size) in enumerate(
        zip(_pairwise(builder, values, chains), _pairwise(builder, sizes, chains), strict=True)
    ):
        total[at] = builder.fadd(total[at], value, flags=SUMS)
        magnitudes[at] = builder.fadd(magnitudes[at], size, flags=SUMS)
    return [*total, *squares, *magnitudes]


def _pairwise(builder, values: list, chains: int) -> list:
    """As many sums of the values as there are chains."""
    while len(values) > chains:
        values = [
            builder.fadd(one, other, flags=SUMS) for one, other in zip(values[::2], values[1::2], strict=True)
        ]
    return values


def final_sums(builder, sums: list, chains: int, scale: float) -> list:
    kinds = [sums[at : at + chains] for at in range(0, 3 * chains, chains)]
    total, squares, magnitudes = (reduce(builder, "fadd", _pairwise(builder, kind, 1)[0]) for kind in kinds)
    return [
        builder.fmul(total, DOUBLE(scale)),
        builder.fmul(squares, DOUBLE(scale * scale)),
        builder.fmul(magnitudes, DOUBLE(scale)),
    ]


def make_zero_pass(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`zero_pass(row, blocks)`: number of zeros and of sign bits alone in a row's first blocks."""

    @intrinsic
    def zero_pass(typing_context, row, blocks):
        def generate(context, builder, signature, arguments):
            pointer, count = arguments
            shape = Blocks(form, context)
            totals = Totals(builder, [LONG(0), LONG(0)])
            with cgutils.for_range(builder, count, intp=LONG) as loop:
                at = builder.mul(loop.index, LONG(shape.size))
                code = shape.codes(builder, offset(builder, pointer, at))
                is_zero = builder.icmp_unsigned("==", builder.add(code, code), splat(code.type, 0))
                marked = zip(totals.get(builder), (is_zero, _is_bare(builder, code)), strict=True)
                totals.set(builder, [builder.add(n, _count(builder, mask)) for n, mask in marked])
            return context.make_tuple(builder, signature.return_type, totals.get(builder))

        return types.UniTuple(types.uint64, 2)(BYTES, types.int64), generate

    return zero_pass


def make_clean_pass(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`clean_pass(row, blocks, keys)`: the fingerprint's sum over a row's first blocks, with +0 for -0."""

    @intrinsic
    def clean_pass(typing_context, row, blocks, keys):
        def generate(context, builder, signature, arguments):
            pointer, count, key = arguments
            shape = Blocks(form, context)
            words = ir.VectorType(LONG, shape.doubles)
            totals = Totals(builder, [splat(words, 0)])
            key = builder.bitcast(key, vectors.BYTE.as_pointer())
            with cgutils.for_range(builder, count, intp=LONG) as loop:
                at = builder.mul(loop.index, LONG(shape.size))
                code = shape.codes(builder, offset(builder, pointer, at))
                clean = builder.select(_is_bare(builder, code), splat(code.type, 0), code)
                known = load(builder, offset(builder, key, at), words)
                hashed = hash_words(builder, builder.bitcast(clean, words), known)
                totals.set(builder, [builder.add(*totals.get(builder), hashed)])
            return reduce(builder, "add", *totals.get(builder))

        return types.uint64(BYTES, types.int64, WORDS), generate

    return clean_pass


def _is_bare(builder, code):
    """Which codes are the sign bit alone."""
    return builder.icmp_unsigned("==", code, splat(code.type, 1 << (code.type.element.width - 1)))


def _count(builder, mask):
    """How many of a mask's bits are set."""
    bits = builder.bitcast(mask, ir.IntType(mask.type.count))
    return builder.ctpop(builder.zext(bits, LONG))


def make_deviations(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`deviations(row, blocks, mean)`: sums of x - mean and of its square over a row's first blocks."""

    @intrinsic
    def deviations(typing_context, row, blocks, mean):
        def generate(context, builder, signature, arguments):
            pointer, count, mean = arguments
            shape = Blocks(form, context)
            real = ir.VectorType(DOUBLE, shape.doubles)
            means = vectors.spread(builder, builder.fmul(mean, DOUBLE(1 / shape.scale)), shape.doubles)
            totals = Totals(builder, [splat(real, 0.0)] * 2)
            with cgutils.for_range(builder, count, intp=LONG) as loop:
                place = offset(builder, pointer, builder.mul(loop.index, LONG(shape.size)))
                rest, squares = totals.get(builder)
                for value in shape.values(builder, place, shape.parts):
                    deviation = builder.fsub(value, means)
                    rest = builder.fadd(rest, deviation, flags=SUMS)
                    squares = multiply_add(builder, deviation, deviation, squares)
                totals.set(builder, [rest, squares])
            rest, squares = (reduce(builder, "fadd", total) for total in totals.get(builder))
            found = [
                builder.fmul(rest, DOUBLE(shape.scale)),
                builder.fmul(squares, DOUBLE(shape.scale**2)),
            ]
            return context.make_tuple(builder, signature.return_type, found)

        return types.UniTuple(types.float64, 2)(BYTES, types.int64, types.float64), generate

    return deviations
