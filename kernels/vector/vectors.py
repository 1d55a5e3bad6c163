"""Vector code for blocks of codes, as LLVM writes it: loads, decoding to float64, sums across a vector.

The compiler vectorises a loop at the width of its widest type. The row pass mixes codes of 8 to 64 bits with
float64 sums, so that its own choice would leave the narrow half of each register empty; here the widths are
explicit, and LLVM splits what a processor does not have in one piece.
"""
# ruff: noqa: ANN001, ANN201, ANN202 - builders and values of llvmlite, which carries no types
# mypy: disable-error-code="no-untyped-def, no-untyped-call, type-arg, call-arg"

from __future__ import annotations

from llvmlite import ir

from rowscope.kernels.formats import Format
from rowscope.kernels.limits import limit_code

BYTE, SHORT, WORD, LONG = (ir.IntType(bits) for bits in (8, 16, 32, 64))
HALF, SINGLE, DOUBLE = ir.HalfType(), ir.FloatType(), ir.DoubleType()

_HALVES = ("F16", "F8_E5M2", "F8_E4M3", "F8_E4M3FNUZ")

SUMS = ("reassoc", "contract", "nsz")
"""Liberties the compiler may take with sums. NaN and infinity keep their meaning: with the full set of flags
it assumes that there are none and drops every test for them."""


PARTS = 4
"""Vectors of columns in a strip. More would not stay in registers; fewer pay for each row's address."""


class Blocks:
    """How blocks of a format's codes lie in vectors of the processor that numba compiles for.

    Attributes:
        size: bytes of a block: those of a vector register.
        lanes: codes of a block.
        doubles: float64 values of a register.
        parts: registers of float64 values that a block decodes to.
        permutes: whether `pick` is an instruction.
        shifts_bytes: whether `byte_shifts` is one.
    """

    def __init__(self, form: Format, context) -> None:
        triple, _, features = context.codegen().magic_tuple()
        enabled = set(features.split(","))
        self.form = form
        self.size = 64 if "+avx512bw" in enabled else 32 if "+avx2" in enabled else 16
        self.lanes = self.size // form.lane.itemsize
        self.doubles = self.size // 8
        self.parts = self.lanes // self.doubles
        # Without an instruction for it the compiler would call a library function that is not there, which
        # ends the process.
        self.converts_halves = "+f16c" in enabled or triple.startswith(("aarch64", "arm64"))
        self.permutes = "+avx512f" in enabled
        self.shifts_bytes = "+avx512vbmi" in enabled

    @property
    def lane(self) -> ir.IntType:
        return ir.IntType(self.form.lane.itemsize * 8)

    @property
    def scale(self) -> float:
        """What `values` has to be multiplied with: 1 but for the formats that are read as half precision
        with another bias."""
        return 2.0 ** (15 - self.form.bias) if self._by_halves and self.form.exponent == 4 else 1.0

    @property
    def _by_halves(self) -> bool:
        """Whether the codes are half precision, or become it when they are shifted."""
        return self.converts_halves and self.form.name in _HALVES

    def codes(self, builder, pointer):
        """The block's codes, <lanes x iN>."""
        return load(builder, pointer, ir.VectorType(self.lane, self.lanes))

    def values(self, builder, pointer, parts: int) -> list:
        """The values over `scale` of the codes from an address on: `parts` vectors <doubles x double>."""
        return [self.decode(builder, piece) for piece in self.pieces(builder, pointer, parts)]

    def spread_upper(self, builder, upper):
        """The 64-bit number `upper` as the vector that `values_in_pairs` takes."""
        return spread(builder, builder.trunc(upper, WORD), self.doubles)

    @property
    def paired(self) -> bool:
        """Whether `values_in_pairs` finds the values faster than in their order."""
        return self.form.name == "BF16"

    def values_in_pairs(self, builder, pointer, parts: int, upper) -> list:
        """The values over `scale` of the codes from an address on: `parts` vectors <doubles x double>.

        Of each two vectors the first holds the values at even places, the second those at odd places; in
        their order where the format is not `paired`. `upper` is a vector <doubles x i32> of
        `rowscope.kernels.arguments.UPPER`: with it two halves of a word become float32 in an instruction
        each, where in their order they take two.
        """
        if not self.paired:
            return self.values(builder, pointer, parts)
        found, kind = [], ir.VectorType(WORD, self.doubles)
        for at in range(parts // 2):
            words = load(builder, offset(builder, pointer, at * self.doubles * 4), kind)
            for bits in (builder.shl(words, splat(kind, 16)), builder.and_(words, upper)):
                singles = builder.bitcast(bits, ir.VectorType(SINGLE, self.doubles))
                found.append(builder.fpext(singles, ir.VectorType(DOUBLE, self.doubles)))
        return found

    def pieces(self, builder, pointer, parts: int) -> list:
        """The codes from an address on, as `parts` vectors <doubles x iN>."""
        step, kind = self.doubles * self.form.lane.itemsize, ir.VectorType(self.lane, self.doubles)
        if self.form.bits == 32 and parts % 2 == 0:
            both = ir.VectorType(self.lane, 2 * self.doubles)
            wholes = [
                load(builder, offset(builder, pointer, at * 2 * step), both) for at in range(parts // 2)
            ]
            places = ir.VectorType(WORD, self.doubles)
            masks = [ir.Constant(places, list(range(at, at + self.doubles))) for at in (0, self.doubles)]
            return [builder.shuffle_vector(whole, whole, mask) for whole in wholes for mask in masks]
        return [load(builder, offset(builder, pointer, at * step), kind) for at in range(parts)]

    def decode_all(self, builder, codes):
        """Values of codes <n x iN>, with NaN for every code that is no finite number, which `decode` may take
        for one."""
        return self._without_specials(builder, codes, self.decode(builder, codes))

    def singles(self, builder, codes):
        """Values over `scale` of codes <n x i8> of F8_E4M3, as <n x float>, with NaN for those that are no
        finite number."""
        assert self.form.name == "F8_E4M3"
        if not self._by_halves:
            return self._without_specials(builder, codes, self._narrow(builder, codes))
        bits = self._as_halves(builder, codes)
        magnitude = builder.and_(bits, splat(bits.type, 0x7FFF))
        special = builder.icmp_unsigned("==", magnitude, splat(bits.type, int(limit_code(self.form)) << 7))
        bits = builder.select(special, splat(bits.type, 0x7E00), bits)
        halves = builder.bitcast(bits, ir.VectorType(HALF, codes.type.count))
        return builder.fpext(halves, ir.VectorType(SINGLE, codes.type.count))

    def widened(self, builder, codes):
        """Values of codes <n x iN> of BF16, F16 or F32, infinities and NaN included, as <n x float>."""
        value = self._narrow(builder, codes)
        if self.form.bits == 32 or self.form.name == "BF16" or self._by_halves:
            return value
        words = ir.VectorType(WORD, codes.type.count)
        bits = builder.bitcast(value, words)
        magnitude = builder.and_(codes, splat(codes.type, 0x7FFF))
        special = builder.icmp_unsigned(">=", magnitude, splat(codes.type, int(limit_code(self.form))))
        top = builder.add(bits, splat(words, (255 - 31 - (127 - self.form.bias)) << 23))
        return builder.bitcast(builder.select(special, top, bits), value.type)

    def _without_specials(self, builder, codes, value):
        if self.scale != 1:
            value = builder.fmul(value, splat(value.type, self.scale))
        if self.form.specials == "none" or self.form.bits > 16 or self.form.name == "BF16":
            return value
        top = 1 << (self.form.lane.itemsize * 8 - 1)
        if self.form.specials == "negative_zero":
            special = builder.icmp_unsigned("==", codes, splat(codes.type, top))
        else:
            magnitude = builder.and_(codes, splat(codes.type, top - 1))
            limit = splat(codes.type, int(limit_code(self.form)))
            special = builder.icmp_unsigned(">=", magnitude, limit)
        return builder.select(special, splat(value.type, float("nan")), value)

    def decode(self, builder, codes):
        """Values of codes <n x iN> over `scale`, as <n x double>."""
        wide = ir.VectorType(DOUBLE, codes.type.count)
        if self.form.bits == 64:
            return builder.bitcast(codes, wide)
        return builder.fpext(self._narrow(builder, codes), wide)

    def _narrow(self, builder, codes):
        """The same as <n x float>, of all formats but F64."""
        count = codes.type.count
        words = ir.VectorType(WORD, count)
        singles, halves = ir.VectorType(SINGLE, count), ir.VectorType(HALF, count)
        if self.form.bits == 32:
            return builder.bitcast(codes, singles)
        if self.form.name == "BF16":
            return builder.bitcast(builder.shl(builder.zext(codes, words), splat(words, 16)), singles)
        if not self._by_halves:
            return self._by_arithmetic(builder, builder.zext(codes, words))
        if self.form.bits == 16:
            return builder.fpext(builder.bitcast(codes, halves), singles)
        return builder.fpext(builder.bitcast(self._as_halves(builder, codes), halves), singles)

    def _as_halves(self, builder, codes):
        """Codes of 8 bits as those of half precision, of the values over `scale`, <n x i16>."""
        shorts = ir.VectorType(SHORT, codes.type.count)
        if self.form.exponent == 5:
            return builder.shl(builder.zext(codes, shorts), splat(shorts, 8))
        # Sign extension leaves a copy of the sign where the longer exponent begins: masked out.
        bits = builder.shl(builder.sext(codes, shorts), splat(shorts, 7))
        return builder.and_(bits, splat(shorts, 0xBF80))

    def _by_arithmetic(self, builder, codes):
        """float32 values of sign-and-magnitude codes in 32-bit words: the exponent is rebiased; a subnormal
        is its magnitude times that of the smallest one."""
        bits = self.form.lane.itemsize * 8
        mantissa = bits - 1 - self.form.exponent
        words, singles = codes.type, ir.VectorType(SINGLE, codes.type.count)
        magnitude = builder.and_(codes, splat(words, (1 << (bits - 1)) - 1))
        moved = builder.shl(magnitude, splat(words, 23 - mantissa))
        normal = builder.add(moved, splat(words, (127 - self.form.bias) << 23))
        tiny = splat(singles, 2.0 ** (1 - self.form.bias - mantissa))
        subnormal = builder.fmul(builder.uitofp(magnitude, singles), tiny)
        is_normal = builder.icmp_unsigned(">=", magnitude, splat(words, 1 << mantissa))
        value = builder.select(is_normal, normal, builder.bitcast(subnormal, words))
        sign = builder.shl(builder.and_(codes, splat(words, 1 << (bits - 1))), splat(words, 32 - bits))
        return builder.bitcast(builder.or_(value, sign), singles)


def load(builder, pointer, type_):
    """A value of a type from any address."""
    return builder.load(builder.bitcast(pointer, type_.as_pointer()), align=1)


def store(builder, value, pointer):
    """Write a value to any address."""
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=1)


def offset(builder, pointer, count):
    """The address `count` bytes behind a byte pointer; `count` is a number or a value."""
    count = LONG(count) if isinstance(count, int) else count
    return builder.gep(pointer, [count])


def splat(type_, number):
    """A vector of one constant."""
    return ir.Constant(type_, [number] * type_.count)


def spread(builder, value, count: int):
    """A vector of one value."""
    vector = ir.VectorType(value.type, count)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, WORD(0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(WORD, count), [0] * count))


def piece(builder, vector, first: int, count: int):
    """`count` elements of a vector from one on."""
    if (first, count) == (0, vector.type.count):
        return vector
    mask = ir.Constant(ir.VectorType(WORD, count), list(range(first, first + count)))
    return builder.shuffle_vector(vector, vector, mask)


def multiply_add(builder, x, y, total):
    """x y + total, in one instruction where the processor has it."""
    return builder.fadd(total, builder.fmul(x, y, flags=SUMS), flags=SUMS)


def pick(builder, table, places):
    """Elements of a vector <16 x float> at the places in the low four bits of <16 x i32>."""
    return call(builder, "llvm.x86.avx512.permvar.sf.512", table.type, [table, places])


def byte_shifts(builder, words, shifts: list[int]):
    """For each byte of <64 x i8> the eight bits from a place on, in the 64-bit word that it belongs to."""
    places = ir.Constant(words.type, shifts)
    return call(builder, "llvm.x86.avx512.pmultishift.qb.512", words.type, [places, words])


def call(builder, name: str, result, arguments, flags=()):
    """An intrinsic function of LLVM."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    known = builder.module.globals.get(name)
    return builder.call(known or ir.Function(builder.module, kind, name), arguments, fastmath=flags)


def reduce(builder, how: str, vector):
    """One number of a vector: `umin`, `umax`, `smax`, `add`, or `fadd` in any order."""
    element = vector.type.element
    kind = f"f{64 if element == DOUBLE else 32}" if how == "fadd" else f"i{element.width}"
    name = f"llvm.vector.reduce.{how}.v{vector.type.count}{kind}"
    if how == "fadd":
        return call(builder, name, element, [element(-0.0), vector], SUMS)
    return call(builder, name, element, [vector])
