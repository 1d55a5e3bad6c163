"""Vector code that decodes quantised elements in registers: integers of a bit stream, 8-bit floats."""
# ruff: noqa: ANN001, ANN201, ANN202 - builders and values of llvmlite, which carries no types
# mypy: disable-error-code="no-untyped-def, no-untyped-call, type-arg, call-arg"

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

from rowscope.kernels.formats import FORMATS
from rowscope.kernels.vector import vectors
from rowscope.kernels.vector.vectors import (
    BYTE,
    LONG,
    SHORT,
    SINGLE,
    WORD,
    Blocks,
    load,
    splat,
    spread,
)

UNIT = 8
"""Elements that fill whole bytes whatever their bits."""

LANES = 16
"""Elements of a vector, and the integers that a permutation of one can look up."""


@dataclass(frozen=True)
class Packing:
    """How elements are stored: a variant of the kernels that decode.

    Attributes:
        levels: `integer`, `signed` (bytes in two's complement), or the name of an 8-bit float format.
        bits: of an element.
        shift: `offset` (scale * q + shift), `zero` ((q - shift) * scale) or `none` (q * scale).
    """

    levels: str
    bits: int
    shift: str

    @property
    def measured(self) -> bool:
        """Whether a scan measures values in the registers that they were looked up in. Where decoding takes
        more instructions it is slower: they and those of the scan wait for the same units."""
        return self.levels not in FORMATS and self.bits <= 4


class Group:
    """Elements that share a scale. `flip` are bits of each integer to turn over first."""

    def __init__(self, builder, context, packing: Packing, scale, shift, flip) -> None:
        levels = packing.levels
        self._packing = packing
        self._shape = Blocks(FORMATS[levels if levels in FORMATS else "F32"], context)
        scale = builder.fmul(scale, SINGLE(self._shape.scale))
        self._factors = scale, shift
        self._flip = builder.trunc(flip, WORD)
        self._table = self._values_of_all(builder) if packing.bits <= 4 and self._shape.permutes else None

    def values(self, builder, place, lanes: int):
        """Values of `lanes` elements from an address on, <lanes x float>."""
        if self._table is not None and lanes == LANES:
            if self._packing.bits == 4 and self._shape.shifts_bytes:
                places = _nibbles(builder, place)
            else:
                places = _integers(builder, place, self._packing.bits, lanes, masked=False)
            return vectors.pick(builder, self._table, places)
        if self._packing.levels == "integer":
            codes = _integers(builder, place, self._packing.bits, lanes)
            return self._scaled(builder, self._numbers(builder, codes))
        codes = load(builder, place, ir.VectorType(BYTE, lanes))
        if self._packing.levels != "signed":
            return self._scaled(builder, self._shape.singles(builder, codes))
        words = builder.sext(codes, ir.VectorType(WORD, lanes))
        return self._scaled(builder, builder.sitofp(words, ir.VectorType(SINGLE, lanes)))

    def _values_of_all(self, builder):
        """The value of each integer, as often as it fits in: what a vector holds for all to pick theirs."""
        codes = [lane % (1 << self._packing.bits) for lane in range(LANES)]
        codes = ir.Constant(ir.VectorType(WORD, LANES), codes)
        return self._scaled(builder, self._numbers(builder, codes))

    def _numbers(self, builder, codes):
        turned = builder.xor(codes, spread(builder, self._flip, codes.type.count))
        return builder.uitofp(turned, ir.VectorType(SINGLE, codes.type.count))

    def _scaled(self, builder, numbers):
        """In the libraries' order, each operation rounded on its own: no liberties here."""
        scale, shift = (spread(builder, number, numbers.type.count) for number in self._factors)
        if self._packing.shift == "offset":
            return builder.fadd(builder.fmul(scale, numbers), shift)
        if self._packing.shift == "zero":
            numbers = builder.fsub(numbers, shift)
        return builder.fmul(numbers, scale)


def _integers(builder, place, bits: int, lanes: int, *, masked: bool = True):
    """`lanes` elements of a bit stream, as <lanes x i32>; with bits of their neighbours above them where they
    are not `masked`."""
    words = ir.VectorType(WORD, lanes)
    if bits == 8:
        return builder.zext(load(builder, place, ir.VectorType(BYTE, lanes)), words)
    straddle = 32 % bits != 0
    found = _by_bytes(builder, place, bits, lanes) if straddle else _by_words(builder, place, bits, lanes)
    return builder.and_(found, splat(words, (1 << bits) - 1)) if masked else found


def _nibbles(builder, place):
    """16 elements of 4 bits, in the low bits of <16 x i32>: in one instruction."""
    word = load(builder, place, LONG)
    kind = ir.VectorType(BYTE, 4 * LANES)
    eight = builder.bitcast(spread(builder, word, LANES // 2), kind)
    shifts = [4 * (at // 4) for at in range(4 * LANES)]
    return builder.bitcast(vectors.byte_shifts(builder, eight, shifts), ir.VectorType(WORD, LANES))


def _by_words(builder, place, bits: int, lanes: int):
    """Elements that never lie across two words of 32 bits, in the low bits of <lanes x i32>."""
    held = 32 // bits
    count = max(1, lanes // held)
    kind = ir.IntType(min(32, lanes * bits))
    loaded = load(builder, place, ir.VectorType(kind, count))
    if kind != WORD:
        loaded = builder.zext(loaded, ir.VectorType(WORD, count))
    words = ir.VectorType(WORD, lanes)
    each = ir.Constant(words, [lane // held for lane in range(lanes)])
    shifts = ir.Constant(words, [lane % held * bits for lane in range(lanes)])
    return builder.lshr(builder.shuffle_vector(loaded, loaded, each), shifts)


def _by_bytes(builder, place, bits: int, lanes: int):
    """Elements that lie in one byte or two, in the low bits of <lanes x i32>.

    These bytes are brought into the word of each. Exactly the bytes that are there are loaded: nothing behind
    the row is touched.
    """
    size = lanes * bits // 8
    part = SHORT if size % 2 == 0 else BYTE
    loaded = load(builder, place, ir.VectorType(part, size * 8 // part.width))
    bytes_ = ir.VectorType(BYTE, size)
    loaded = builder.bitcast(loaded, bytes_)
    places = []
    for lane in range(lanes):
        first, rest = divmod(lane * bits, 8)
        second = first + 1 if rest + bits > 8 else size  # the first byte of the zeros
        places += [first, second, size, size]
    mask = ir.Constant(ir.VectorType(WORD, 4 * lanes), places)
    spreaded = builder.shuffle_vector(loaded, splat(bytes_, 0), mask)
    words = ir.VectorType(WORD, lanes)
    shifts = ir.Constant(words, [lane * bits % 8 for lane in range(lanes)])
    return builder.lshr(builder.bitcast(spreaded, words), shifts)
