"""Vector code that unpacks quantised elements: integers of 2 to 8 bits from a bit stream, 8-bit floats."""
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
from rowscope.kernels.vector.vectors import (
    BYTE,
    LONG,
    SINGLE,
    WORD,
    Blocks,
    load,
    offset,
    splat,
    spread,
    store,
)

UNIT = 8
"""Elements that fill whole bytes whatever their bits."""


def make_unpack(levels: str, bits: int, with_offset: bool) -> Any:  # noqa: ANN401 - a function of numba's language
    """`unpack(codes, units, scale, shift, flip, out)`: values of `units` times 8 elements that share a scale.

    `scale * q + shift` with an offset, else `(q - shift) * scale`; `flip` are bits of q to turn over first.
    """

    @intrinsic
    def unpack(typing_context, codes, units, scale, shift, flip, out):
        def generate(context, builder, signature, arguments):
            codes, units, scale, shift, flip, out = arguments
            shape = Blocks(FORMATS[levels], context) if levels in FORMATS else None
            wide = builder.sdiv(units, LONG(2))
            for lanes, first, count in (
                (2 * UNIT, LONG(0), wide),
                (UNIT, builder.mul(wide, LONG(2)), builder.srem(units, LONG(2))),
            ):
                factors = spread(builder, scale, lanes), spread(builder, shift, lanes)
                turned = spread(builder, builder.trunc(flip, WORD), lanes)
                with cgutils.for_range(builder, count, intp=LONG) as loop:
                    unit = builder.add(first, builder.mul(loop.index, LONG(lanes // UNIT)))
                    place = offset(builder, codes, builder.mul(unit, LONG(bits)))
                    if shape is not None:
                        numbers = shape.singles(builder, load(builder, place, ir.VectorType(BYTE, lanes)))
                    else:
                        whole = builder.xor(_integers(builder, place, bits, lanes), turned)
                        numbers = builder.uitofp(whole, ir.VectorType(SINGLE, lanes))
                    values = _scaled(builder, numbers, *factors, with_offset)
                    store(builder, values, offset(builder, out, builder.mul(unit, LONG(4 * UNIT))))
            return context.get_dummy_value()

        arguments = (BYTES, types.int64, types.float32, types.float32, types.int64, BYTES)
        return types.none(*arguments), generate

    return unpack


def _scaled(builder, numbers, scale, shift, with_offset: bool):
    """In the libraries' order, each operation rounded on its own: no liberties here."""
    if with_offset:
        return builder.fadd(builder.fmul(scale, numbers), shift)
    return builder.fmul(builder.fsub(numbers, shift), scale)


def _integers(builder, place, bits: int, lanes: int):
    """`lanes` elements of a bit stream, as <lanes x i32>."""
    words = ir.VectorType(WORD, lanes)
    if bits == 8:
        return builder.zext(load(builder, place, ir.VectorType(BYTE, lanes)), words)
    held = 32 // bits if 32 % bits == 0 else 0  # elements that a word of 32 bits holds, where none straddles
    if held:
        count = max(1, lanes // held)
        kind = ir.IntType(min(32, lanes * bits))
        loaded = load(builder, place, ir.VectorType(kind, count))
        if kind != WORD:
            loaded = builder.zext(loaded, ir.VectorType(WORD, count))
        each = ir.Constant(ir.VectorType(WORD, lanes), [lane // held for lane in range(lanes)])
        spreaded = builder.shuffle_vector(loaded, loaded, each)
        shifts = ir.Constant(words, [lane % held * bits for lane in range(lanes)])
        return builder.and_(builder.lshr(spreaded, shifts), splat(words, (1 << bits) - 1))
    parts = [_unit(builder, offset(builder, place, at * bits), bits) for at in range(lanes // UNIT)]
    if len(parts) == 1:
        return parts[0]
    both = ir.Constant(words, list(range(lanes)))
    return builder.shuffle_vector(parts[0], parts[1], both)


def _unit(builder, place, bits: int):
    """Eight elements that lie in `bits` bytes, as <8 x i32>."""
    longs = ir.VectorType(LONG, UNIT)
    kind = ir.IntType(bits * UNIT)  # exactly the bytes that are there: nothing behind the row is touched
    word = builder.load(builder.bitcast(place, kind.as_pointer()), align=1)
    word = spread(builder, builder.zext(word, LONG), UNIT)
    shifts = ir.Constant(longs, [lane * bits for lane in range(UNIT)])
    masked = builder.and_(builder.lshr(word, shifts), splat(longs, (1 << bits) - 1))
    return builder.trunc(masked, ir.VectorType(WORD, UNIT))
