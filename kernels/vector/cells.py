"""Single elements and addresses, for what the vector code leaves over."""
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
from rowscope.kernels.vector.vectors import DOUBLE, LONG, PARTS, WORD, Blocks, load, offset

BYTES = types.CPointer(types.uint8)

_LINE = 64


@intrinsic
def advance(typing_context, pointer, count):
    """The address `count` elements further on."""

    def generate(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.int64), generate


@intrinsic
def word_at(typing_context, pointer, count):
    """The 64-bit word `count` bytes behind an address."""

    def generate(context, builder, signature, arguments):
        return load(builder, offset(builder, *arguments), LONG)

    return types.uint64(BYTES, types.int64), generate


@intrinsic
def prefetch(typing_context, pointer, count):
    """Ask for `count` bytes from an address on to be brought into the nearest cache."""

    def generate(context, builder, signature, arguments):
        pointer, count = arguments
        lines = builder.sdiv(builder.add(count, LONG(_LINE - 1)), LONG(_LINE))
        how = [WORD(0), WORD(3), WORD(1)]  # to read, to stay, data
        with cgutils.for_range(builder, lines, intp=LONG) as loop:
            place = offset(builder, pointer, builder.mul(loop.index, LONG(_LINE)))
            vectors.call(builder, "llvm.prefetch.p0", ir.VoidType(), [place, *how])
        return context.get_dummy_value()

    return types.none(BYTES, types.int64), generate


@intrinsic
def square_root(typing_context, number):
    """The square root as an instruction, where numba's own would be a call into a library."""

    def generate(context, builder, signature, arguments):
        return vectors.call(builder, "llvm.sqrt.f64", DOUBLE, arguments)

    return types.float64(types.float64), generate


def make_block_size(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`block_size()`: elements of a block."""

    @intrinsic
    def block_size(typing_context):
        def generate(context, builder, signature, arguments):
            return LONG(Blocks(form, context).lanes)

        return types.int64(), generate

    return block_size


def make_strip_size(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`strip_size()`: columns of a strip."""

    @intrinsic
    def strip_size(typing_context):
        def generate(context, builder, signature, arguments):
            return LONG(PARTS * Blocks(form, context).doubles)

        return types.int64(), generate

    return strip_size


def make_code_at(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`code_at(row, i)`: the code of element i."""

    @intrinsic
    def code_at(typing_context, row, i):
        def generate(context, builder, signature, arguments):
            lane = Blocks(form, context).lane
            place = offset(builder, arguments[0], builder.mul(arguments[1], LONG(form.lane.itemsize)))
            return (
                builder.zext(load(builder, place, lane), LONG) if lane != LONG else load(builder, place, lane)
            )

        return types.uint64(BYTES, types.int64), generate

    return code_at


def make_value_of(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`value_of(code)`: the value of a code, +0 for -0, NaN where it is no finite number."""

    @intrinsic
    def value_of(typing_context, code):
        def generate(context, builder, signature, arguments):
            shape = Blocks(form, context)
            code = builder.trunc(arguments[0], shape.lane) if shape.lane != LONG else arguments[0]
            value = shape.decode_all(builder, vectors.spread(builder, code, 1))
            # A sum with +0 is not for the compiler to drop: it changes -0.
            return builder.fadd(builder.extract_element(value, WORD(0)), DOUBLE(0.0))

        return types.float64(types.uint64), generate

    return value_of


def make_value_at(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`value_at(row, i)`: the value of element i, NaN where it is no finite number."""

    @intrinsic
    def value_at(typing_context, row, i):
        def generate(context, builder, signature, arguments):
            shape = Blocks(form, context)
            place = offset(builder, arguments[0], builder.mul(arguments[1], LONG(form.lane.itemsize)))
            value = shape.decode_all(builder, load(builder, place, ir.VectorType(shape.lane, 1)))
            return builder.extract_element(value, WORD(0))

        return types.float64(BYTES, types.int64), generate

    return value_at
