"""The inner loop over quantised elements that share a scale: their values into memory."""
# ruff: noqa: ANN001, ANN202 - builders and values of llvmlite, which carries no types
# mypy: disable-error-code="no-untyped-def, no-untyped-call, type-arg, call-arg"

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rowscope.kernels.vector.cells import BYTES
from rowscope.kernels.vector.elements import LANES, UNIT, Group, Packing
from rowscope.kernels.vector.vectors import LONG, offset, store

_TOGETHER = 4
"""Vectors that are written out one behind the other: groups are hardly ever longer than a few of them."""

_SIZE = 4  # bytes of a float32


def make_unpack(packing: Packing) -> Any:  # noqa: ANN401 - a function of numba's language
    """`unpack(codes, units, scale, shift, flip, out)`: values of `units` times 8 elements that share a scale,
    float32 at `out`."""

    @intrinsic
    def unpack(typing_context, codes, units, scale, shift, flip, out):
        def generate(context, builder, signature, arguments):
            codes, units, scale, shift, flip, out = arguments
            group, done = Group(builder, context, packing, scale, shift, flip), LONG(0)
            for lanes, times in ((LANES, _TOGETHER), (LANES, 1), (UNIT, 1)):
                taken = lanes * times // UNIT
                count = builder.sdiv(builder.sub(units, done), LONG(taken))
                with cgutils.for_range(builder, count, intp=LONG) as loop:
                    first = builder.add(done, builder.mul(loop.index, LONG(taken)))
                    for part in range(times):
                        unit = builder.add(first, LONG(part * lanes // UNIT))
                        place = offset(builder, codes, builder.mul(unit, LONG(packing.bits * UNIT // 8)))
                        values = group.values(builder, place, lanes)
                        store(builder, values, offset(builder, out, builder.mul(unit, LONG(_SIZE * UNIT))))
                done = builder.add(done, builder.mul(count, LONG(taken)))
            return context.get_dummy_value()

        arguments = (BYTES, types.int64, types.float32, types.float32, types.int64, BYTES)
        return types.none(*arguments), generate

    return unpack
