"""Vector code that widens scales: numbers beside quantised rows, as they are stored, to float32."""
# ruff: noqa: ANN001, ANN201, ANN202 - builders and values of llvmlite, which carries no types
# mypy: disable-error-code="no-untyped-def, no-untyped-call, type-arg, call-arg"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rowscope.kernels.formats import FORMATS
from rowscope.kernels.vector.cells import BYTES
from rowscope.kernels.vector.vectors import BYTE, LONG, Blocks, load, offset, store

_FORMS = ("F32", "F16", "BF16")
"""In the order of `rowscope.kernels.decode.scaling.KINDS`."""

_LANES = (8, 4, 2, 1)


@intrinsic
def widen(typing_context, place, count, kind, out):
    """`widen(place, count, kind, out)`: `count` numbers of a kind from an address on, as float32."""

    def generate(context, builder, signature, arguments):
        place, count, kind, out = arguments
        out = builder.bitcast(out, BYTE.as_pointer())
        for at, name in enumerate(_FORMS):
            shape = Blocks(FORMATS[name], context)
            with builder.if_then(builder.icmp_signed("==", kind, LONG(at))):
                _widen(builder, shape, place, count, out)
        return context.get_dummy_value()

    return types.none(BYTES, types.int64, types.int64, types.CPointer(types.float32)), generate


def _widen(builder, shape: Blocks, place, count, out) -> None:
    done = LONG(0)
    for lanes in _LANES:
        times = builder.sdiv(builder.sub(count, done), LONG(lanes))
        with cgutils.for_range(builder, times, intp=LONG) as loop:
            at = builder.add(done, builder.mul(loop.index, LONG(lanes)))
            start = offset(builder, place, builder.mul(at, LONG(shape.form.lane.itemsize)))
            codes = load(builder, start, ir.VectorType(shape.lane, lanes))
            store(builder, shape.widened(builder, codes), offset(builder, out, builder.mul(at, LONG(4))))
        done = builder.add(done, builder.mul(times, LONG(lanes)))
