"""The inner loop over a row of quantised elements: decoded, measured and stored in a single pass."""
# ruff: noqa: ANN001, ANN202 - builders and values of llvmlite, which carries no types
# mypy: disable-error-code="no-untyped-def, no-untyped-call, type-arg, call-arg"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rowscope.kernels.formats import FORMATS
from rowscope.kernels.vector.cells import BYTES
from rowscope.kernels.vector.elements import LANES, UNIT, Group, Packing
from rowscope.kernels.vector.row_pass import WORDS, Totals, add_sums, final_sums, hash_words
from rowscope.kernels.vector.vectors import (
    BYTE,
    DOUBLE,
    LONG,
    WORD,
    Blocks,
    load,
    offset,
    piece,
    reduce,
    splat,
    store,
)

_SIZE = 4  # bytes of a float32
_NUMBERS = types.CPointer(types.float32)

_TOGETHER = 2
"""Vectors of a turn. Groups of 32 elements have two."""

_SIGN = 1 << 31
_RESULT = types.Tuple([types.uint64] * 5 + [types.float64] * 3)


class Measures:
    """Running quantities of a row of float32: extremes, zeros, fingerprint and sums.

    Zeros are counted on the way, where rows of other formats are passed over a second time for them: hardly a
    quantised row has none. The least code, read with a sign, tells the rest: -0 if there is one, else the
    least magnitude of a row whose values have one sign.
    """

    def __init__(self, builder, shape: Blocks) -> None:
        self._shape, self._chains = shape, min(2, shape.parts)
        self._codes = ir.VectorType(WORD, shape.lanes)
        self._words = ir.VectorType(LONG, shape.doubles)
        start = [_SIGN - 1, 0, _SIGN, 0]
        extremes = [splat(self._codes, number) for number in start]
        self._integers = Totals(builder, [*extremes, splat(self._words, 0)])
        zero = splat(ir.VectorType(DOUBLE, shape.doubles), 0.0)
        self._sums = Totals(builder, [zero] * (3 * self._chains))

    def add(self, builder, values, at, keys) -> None:
        """Add a vector <n x float> of whole blocks, `at` bytes behind the row's beginning."""
        shape = self._shape
        for first in range(0, values.type.count, shape.lanes):
            block = piece(builder, values, first, shape.lanes)
            self._add_codes(builder, builder.bitcast(block, self._codes), offset(builder, keys, at), first)
            halves = [piece(builder, block, k * shape.doubles, shape.doubles) for k in range(shape.parts)]
            wide = [builder.fpext(half, ir.VectorType(DOUBLE, shape.doubles)) for half in halves]
            self._sums.set(builder, add_sums(builder, self._sums.get(builder), wide, self._chains))

    def _add_codes(self, builder, code, keys, first: int) -> None:
        least, high, signed_high, zeros, prints = self._integers.get(builder)
        lesser = builder.icmp_signed("<", code, least)
        greater = builder.icmp_unsigned(">", code, high)
        above = builder.icmp_signed(">", code, signed_high)
        bare = builder.and_(code, splat(self._codes, _SIGN - 1))
        is_zero = builder.icmp_unsigned("==", bare, splat(self._codes, 0))
        key = load(builder, offset(builder, keys, _SIZE * first), self._words)
        hashed = hash_words(builder, builder.bitcast(code, self._words), key)
        found = [
            builder.select(lesser, code, least),
            builder.select(greater, code, high),
            builder.select(above, code, signed_high),
            builder.sub(zeros, builder.sext(is_zero, self._codes)),
            builder.add(prints, hashed),
        ]
        self._integers.set(builder, found)

    def found(self, builder) -> list:
        *codes, prints = self._integers.get(builder)
        kinds = ("smin", "umax", "smax", "add")
        return [
            *(builder.zext(reduce(builder, how, code), LONG) for how, code in zip(kinds, codes, strict=True)),
            reduce(builder, "add", prints),
            *final_sums(builder, self._sums.get(builder), self._chains, 1.0),
        ]


def make_decoded_pass(packing: Packing) -> Any:  # noqa: ANN401 - a function of numba's language
    """`decoded_pass(codes, vectors, units, groups, a_group, scale, shift, by_group, flip, keys, out)`: values
    of a row at `out`, float32, and quantities of all but its last `units` times 8 elements: the least code
    read with a sign, the greatest, the greatest read with a sign, zeros, the fingerprint's sum, and sum, sum
    of squares and sum of magnitudes.

    `vectors` of 16 elements, `a_group` of them to a scale, of which there are `groups`; `by_group` is 0 where
    all share one shift.
    """

    @intrinsic
    def decoded_pass(
        typing_context, codes, vectors, units, groups, a_group, scale, shift, by_group, flip, keys, out
    ):
        def generate(context, builder, signature, arguments):
            codes, vectors, units, groups, a_group, scale, shift, by_group, flip, keys, out = arguments
            measures = Measures(builder, Blocks(FORMATS["F32"], context))
            words = builder.bitcast(keys, BYTE.as_pointer())

            def group_at(index):
                moved = builder.gep(shift, [builder.mul(index, by_group)])
                factor = builder.load(builder.gep(scale, [index]))
                return Group(builder, context, packing, factor, builder.load(moved), flip)

            def decode(group, number, lanes):
                """The vector of `lanes` elements that begins with vector `number`, stored."""
                place = offset(builder, codes, builder.mul(number, LONG(packing.bits * LANES // 8)))
                at = builder.mul(number, LONG(_SIZE * LANES))
                values = group.values(builder, place, lanes)
                store(builder, values, offset(builder, out, at))
                return values, at

            with cgutils.for_range(builder, groups, intp=LONG) as outer:
                first = builder.mul(outer.index, a_group)
                left = builder.sub(vectors, first)
                short = builder.icmp_signed("<", left, a_group)
                count = builder.select(short, left, a_group)
                group = group_at(outer.index)
                turns = builder.sdiv(count, LONG(_TOGETHER))
                with cgutils.for_range(builder, turns, intp=LONG) as loop:
                    number = builder.add(first, builder.mul(loop.index, LONG(_TOGETHER)))
                    for part in range(_TOGETHER):
                        measures.add(builder, *decode(group, builder.add(number, LONG(part)), LANES), words)
                done = builder.mul(turns, LONG(_TOGETHER))
                with cgutils.for_range(builder, builder.sub(count, done), intp=LONG) as loop:
                    number = builder.add(builder.add(first, done), loop.index)
                    measures.add(builder, *decode(group, number, LANES), words)
            with cgutils.for_range(builder, units, intp=LONG):
                decode(group_at(builder.sub(groups, LONG(1))), vectors, UNIT)
            return context.make_tuple(builder, signature.return_type, measures.found(builder))

        whole = types.int64
        arguments = (BYTES, whole, whole, whole, whole, _NUMBERS, _NUMBERS, whole, whole, WORDS, BYTES)
        return _RESULT(*arguments), generate

    return decoded_pass
