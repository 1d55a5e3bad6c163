"""Number formats of the rows: which bits mean which value, as a table and as a decoder to float64.

A *code* is the bit pattern of one element as an unsigned integer. Elements narrower than a byte are
unpacked to one byte each and shifted so that their sign bit is the byte's top bit; every float format
is then sign and magnitude in an unsigned integer of 8, 16, 32 or 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[Any]
"""Unsigned integers of the format's lane, shape (rows, width)."""


@dataclass(frozen=True, slots=True)
class Format:
    """How one dtype of the safetensors format stores a number.

    Attributes:
        name: the format's spelling, `BF16`.
        bits: bits an element takes in the file.
        family: `float` (sign, exponent, mantissa), `power` (an exponent alone) or `integer`.
        exponent: bits of the exponent field.
        bias: of the exponent.
        specials: which codes are not numbers: `ieee` (top exponent: infinities and NaN), `ones` (all bits
            after the sign set: NaN), `negative_zero` (the sign bit alone: NaN), `none`.
        signed: whether the top bit is a sign.
    """

    name: str
    bits: int
    family: Literal["float", "power", "integer"]
    exponent: int = 0
    bias: int = 0
    specials: Literal["ieee", "ones", "negative_zero", "none"] = "none"
    signed: bool = True

    @property
    def lane(self) -> np.dtype[Any]:
        """Unsigned integer type of a code."""
        return np.dtype(f"<u{max(self.bits, 8) // 8}")

    @property
    def sign_mask(self) -> int:
        """The code of -0, or 0 where the format has none."""
        has_negative_zero = self.family == "float" and self.specials != "negative_zero"
        return 1 << (self.lane.itemsize * 8 - 1) if has_negative_zero else 0

    def row_bytes(self, width: int) -> int | None:
        """Bytes of a row of `width` elements, None where a row does not end on a byte."""
        whole, rest = divmod(width * self.bits, 8)
        return None if rest else whole

    def width(self, row_bytes: int) -> int:
        """Elements of a row of `row_bytes` bytes."""
        return row_bytes * 8 // self.bits


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("F64", 64, "float", 11, 1023, "ieee"),
        Format("F32", 32, "float", 8, 127, "ieee"),
        Format("F16", 16, "float", 5, 15, "ieee"),
        Format("BF16", 16, "float", 8, 127, "ieee"),
        Format("F8_E5M2", 8, "float", 5, 15, "ieee"),
        Format("F8_E4M3", 8, "float", 4, 7, "ones"),
        Format("F8_E5M2FNUZ", 8, "float", 5, 16, "negative_zero"),
        Format("F8_E4M3FNUZ", 8, "float", 4, 8, "negative_zero"),
        Format("F8_E8M0", 8, "power", 8, 127, "ones", signed=False),
        Format("F6_E2M3", 6, "float", 2, 1),
        Format("F6_E3M2", 6, "float", 3, 3),
        Format("F4", 4, "float", 2, 1),
        Format("I8", 8, "integer"),
        Format("U8", 8, "integer", signed=False),
        Format("I16", 16, "integer"),
        Format("U16", 16, "integer", signed=False),
        Format("I32", 32, "integer"),
        Format("U32", 32, "integer", signed=False),
        Format("I64", 64, "integer"),
        Format("U64", 64, "integer", signed=False),
    )
}
"""Every dtype whose values can be decoded, by the safetensors spelling."""

ASSUMPTIONS: dict[str, str] = {
    name: f"{name} rows are read as a stream of 6-bit elements, least significant bits first: "
    "the safetensors format does not prescribe their order"
    for name in ("F6_E2M3", "F6_E3M2")
}
"""What had to be assumed to decode a dtype, for the report."""


def unpack(form: Format, raw: NDArray[np.uint8]) -> Codes:
    """Bytes of rows, shape (rows, row_bytes), as codes, shape (rows, width)."""
    if form.bits >= 8:
        return np.ascontiguousarray(raw).view(form.lane)
    if form.bits == 4:  # the element with the lower index is in the low half, as in torch's float4_e2m1fn_x2
        return np.stack((raw << 4, raw & 0xF0), axis=-1).reshape(raw.shape[0], form.width(raw.shape[1]))
    first, second, third = (raw[:, part::3] for part in range(3))
    elements = (
        first << 2,
        (first >> 6 << 2) | (second << 4),
        (second >> 4 << 2) | (third << 6),
        third & 0xFC,
    )
    return np.stack(elements, axis=-1).reshape(raw.shape[0], form.width(raw.shape[1]))


def canonical(form: Format, codes: Codes) -> Codes:
    """The codes with -0 replaced by +0; the argument itself where there is none."""
    if not form.sign_mask:
        return codes
    negative_zero = codes == codes.dtype.type(form.sign_mask)
    return np.where(negative_zero, codes.dtype.type(0), codes) if negative_zero.any() else codes


def to_float64(form: Format, codes: Codes) -> NDArray[np.float64]:
    """Values of the codes, exact (64-bit integers: rounded to the nearest float64), shape of `codes`."""
    if form.lane.itemsize == 1:
        return byte_values(form.name)[codes]
    if form.family == "integer":
        return codes.view(f"<{'i' if form.signed else 'u'}{form.lane.itemsize}").astype(np.float64)
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
        if form.name == "BF16":
            return (codes.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        return codes.view(f"<f{form.lane.itemsize}").astype(np.float64)


@cache
def byte_values(name: str) -> NDArray[np.float64]:
    """Value of each of the 256 codes of a format whose codes are bytes, shape (256,), read-only."""
    form = FORMATS[name]
    codes = np.arange(256)
    if form.family == "integer":
        values = codes.astype(np.uint8).view(np.int8 if form.signed else np.uint8).astype(np.float64)
    elif form.family == "power":
        values = np.where(codes == 255, np.nan, np.ldexp(1.0, codes - form.bias))
    else:
        values = _minifloat_values(form, codes >> (8 - form.bits))
    values.setflags(write=False)
    return values


def _minifloat_values(form: Format, codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """(-1)^s 2^(e - bias) (1 + m / 2^M), or (-1)^s 2^(1 - bias) m / 2^M where e = 0, as in IEEE 754."""
    mantissa_bits = form.bits - 1 - form.exponent
    sign = np.where(codes >> (form.bits - 1), -1.0, 1.0)
    magnitude = codes & ((1 << (form.bits - 1)) - 1)
    exponent, mantissa = magnitude >> mantissa_bits, magnitude & ((1 << mantissa_bits) - 1)
    significand = np.where(exponent > 0, mantissa + (1 << mantissa_bits), mantissa)
    values = sign * np.ldexp(significand, np.maximum(exponent, 1) - form.bias - mantissa_bits)
    if form.specials == "ieee":
        top = exponent == (1 << form.exponent) - 1
        values = np.where(top, np.where(mantissa > 0, np.nan, sign * np.inf), values)
    elif form.specials == "ones":
        values = np.where(magnitude == (1 << (form.bits - 1)) - 1, np.nan, values)
    elif form.specials == "negative_zero":
        values = np.where((magnitude == 0) & (sign < 0), np.nan, values)
    return np.asarray(values, dtype=np.float64)
