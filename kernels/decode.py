"""Compiled decoders: the codes of one row become float32 (F64: float64) values in a scratch row."""
# ruff: noqa: ANN001, ANN201, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg"

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from rowscope.kernels.jit import part
from rowscope.kernels.prepare import BF16, E4M3, E5M2

LINE, AHEAD = 64, 3072
"""Bytes of a cache line, and how far ahead of the row under work memory is asked for."""


def decode(codes, r, recipe, values, bits, t):
    """Write the values of the codes of row r to row t of `values`; `bits` is the same memory as integers."""
    raise AssertionError("for compiled code only")


@overload(decode)
def _choose_decoder(codes, r, recipe, values, bits, t):
    """One version per lane type."""
    return {8: _decode_bytes, 16: _decode_pairs}.get(codes.dtype.bitwidth, _copy_bits)


def _decode_bytes(codes, r, recipe, values, bits, t):
    if recipe.decoder == E5M2:
        for i in range(values.shape[1]):
            values[t, i] = _half_to_single(np.uint64(codes[r, i]) << np.uint64(8))
    elif recipe.decoder == E4M3:
        for i in range(values.shape[1]):
            code = np.uint64(codes[r, i])
            half = ((code & np.uint64(0x80)) << np.uint64(8)) | ((code & np.uint64(0x7F)) << np.uint64(7))
            values[t, i] = _half_to_single(half) * recipe.scale
    else:
        for i in range(values.shape[1]):
            values[t, i] = recipe.table[codes[r, i]]


def _decode_pairs(codes, r, recipe, values, bits, t):
    if recipe.decoder == BF16:
        for i in range(values.shape[1]):
            bits[t, i] = np.uint32(codes[r, i]) << np.uint32(16)
    else:
        for i in range(values.shape[1]):
            values[t, i] = _half_to_single(np.uint64(codes[r, i]))


def _copy_bits(codes, r, recipe, values, bits, t):
    for i in range(values.shape[1]):
        bits[t, i] = codes[r, i]


@intrinsic
def _half_to_single(typing_context, half_bits):
    """float32 value of finite IEEE half-precision bits."""

    def generate(context, builder, signature, arguments):
        if _converts_halves(context.codegen().magic_tuple()):
            bits = builder.trunc(arguments[0], ir.IntType(16))
            return builder.fpext(builder.bitcast(bits, ir.HalfType()), ir.FloatType())
        return _half_by_arithmetic(builder, arguments[0])

    return types.float32(types.uint64), generate


def _converts_halves(target):
    """Whether the processor that numba compiles for has an instruction from half to single precision.

    Where it has none the compiler would call a library function that is not there, which ends the process.
    """
    triple, _, features = target
    return "+f16c" in features.split(",") or triple.startswith(("aarch64", "arm64"))


def _half_by_arithmetic(builder, half_bits):
    """Rebias the exponent (127 - 15 = 112); a subnormal is its magnitude times 2^-24."""
    word, single = ir.IntType(32), ir.FloatType()
    bits = builder.trunc(half_bits, word)
    magnitude = builder.and_(bits, word(0x7FFF))
    normal = builder.bitcast(builder.add(builder.shl(magnitude, word(13)), word(112 << 23)), single)
    subnormal = builder.fmul(builder.uitofp(magnitude, single), single(2.0**-24))
    value = builder.select(builder.icmp_unsigned("<", magnitude, word(0x400)), subnormal, normal)
    sign = builder.shl(builder.and_(bits, word(0x8000)), word(16))
    return builder.bitcast(builder.or_(builder.bitcast(value, word), sign), single)


@part
def prefetch_row(words, r, size):
    """Ask for the memory of a row's length that lies AHEAD of row r.

    The sums keep the processor busy while the memory would be idle: asking early lets the two overlap.
    """
    for line in range(0, size, LINE):
        _prefetch(words, r, line + AHEAD)


@intrinsic
def _prefetch(typing_context, array, r, distance):
    """Ask for the cache line `distance` bytes behind the start of row r; harmless where nothing is mapped."""

    def generate(context, builder, signature, arguments):
        rows = context.make_array(signature.args[0])(context, builder, arguments[0])
        zero = context.get_constant(types.intp, 0)
        row = cgutils.get_item_pointer(context, builder, signature.args[0], rows, [arguments[1], zero])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        line = builder.bitcast(cgutils.pointer_add(builder, row, arguments[2]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        builder.call(prefetch, [line, number(0), number(3), number(1)])  # to read, into all levels, data
        return context.get_dummy_value()

    return types.none(array, types.intp, types.intp), generate
