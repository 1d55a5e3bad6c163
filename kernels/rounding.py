"""Rounding to a narrower number format, as conversion between dtypes does it: to nearest, ties to even."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels import formats
from rowscope.kernels.formats import Codes, Format
from rowscope.kernels.plain.numpy_engine import BLOCK_ELEMENTS

Floats = NDArray[np.float64]

GLANCE = 32
"""Columns that are looked at before whole rows are."""


def equal_after_rounding(
    base: Format,
    base_raw: NDArray[np.uint8],
    tuned: Format,
    tuned_raw: NDArray[np.uint8],
    rows: NDArray[np.int64] | None = None,
) -> NDArray[np.bool_]:
    """Which rows are equal once one side is rounded to the other side's format, bool (len(rows),).

    Args:
        base_raw, tuned_raw: bytes of shape (n, row bytes).
        rows: positions to look at; all of them where None. Only float formats round; others give False.
    """
    rows = np.arange(len(base_raw)) if rows is None else rows
    equal = np.zeros(rows.size, dtype=np.bool_)
    if base.family != "float" or tuned.family != "float" or base.name == tuned.name:
        return equal
    # Rows that really moved show it early: a few columns spare the rest.
    some = np.flatnonzero(_equal(base, base_raw, tuned, tuned_raw, rows, GLANCE))
    step = max(1, BLOCK_ELEMENTS // max(base.width(base_raw.shape[1]), 1))
    for start in range(0, some.size, step):
        part = some[start : start + step]
        equal[part] = _equal(base, base_raw, tuned, tuned_raw, rows[part], None)
    return equal


def _equal(
    base: Format,
    base_raw: NDArray[np.uint8],
    tuned: Format,
    tuned_raw: NDArray[np.uint8],
    rows: NDArray[np.int64],
    columns: int | None,
) -> NDArray[np.bool_]:
    """`equal_after_rounding` for the first columns alone (a multiple of 8), or all."""
    left, right = (
        formats.unpack(form, raw[rows, : None if columns is None else columns * form.bits // 8])
        for form, raw in ((base, base_raw), (tuned, tuned_raw))
    )
    found = np.zeros(rows.size, dtype=np.bool_)
    # 32 and 64 bits hold every value of all narrower formats: nothing is rounded on the way there.
    if not (tuned.bits >= 32 and tuned.bits > base.bits):
        found |= _rounds(base, left, tuned, right)
    if not (base.bits >= 32 and base.bits > tuned.bits):
        found |= _rounds(tuned, right, base, left)
    return found


def _rounds(source: Format, codes: Codes, form: Format, target: Codes) -> NDArray[np.bool_]:
    """Which rows of `codes` round to the rows of `target`, codes of `form`."""
    if source.name == "F32" and form.name == "BF16":
        return _rounds_to_brain(codes, target)
    values, wanted = formats.to_float64(source, codes), formats.to_float64(form, target)
    found = _equal_rows(nearest(form, values), wanted)
    if source.bits == 64 and form.bits < 32:  # libraries convert float64 by way of float32
        found |= _equal_rows(nearest(form, nearest(formats.FORMATS["F32"], values)), wanted)
    return found


def _rounds_to_brain(codes: Codes, target: Codes) -> NDArray[np.bool_]:
    """float32 -> bfloat16 on the bits: half of the last kept place, one less where that place is even.

    A NaN rounds to any NaN; other bits must match, but for the sign of zero.
    """
    with np.errstate(over="ignore"):
        halves = ((codes + (np.uint32(0x7FFF) + ((codes >> 16) & np.uint32(1)))) >> 16).astype(np.uint16)
    equal = halves == target
    if equal.all():
        return np.ones(len(codes), dtype=np.bool_)
    zeros = ((halves | target) & np.uint16(0x7FFF)) == 0
    nan = ((codes & np.uint32(0x7FFFFFFF)) > 0x7F800000) & ((target & np.uint16(0x7FFF)) > 0x7F80)
    return np.asarray((equal | zeros | nan).all(axis=1))


def _equal_rows(x: Floats, y: Floats) -> NDArray[np.bool_]:
    return np.asarray(((x == y) | (np.isnan(x) & np.isnan(y))).all(axis=1))


def nearest(form: Format, values: Floats) -> Floats:
    """`values` rounded to a float format, ties to even, as IEEE 754 section 4.3.1 defines it; same shape.

    What lies beyond the largest number becomes infinite; NaN in a format without infinities; the largest
    number in one without either.
    """
    if form.bits == 64:
        return values
    with np.errstate(all="ignore"):
        if form.bits == 32:
            return values.astype(np.float32).astype(np.float64)
        if form.name == "F16":
            return values.astype(np.float16).astype(np.float64)
        return _nearest(form, values)


def _nearest(form: Format, values: Floats) -> Floats:
    mantissa = form.bits - 1 - form.exponent
    smallest = 1 - form.bias  # exponent of the least normal number
    # frexp's fractions lie in [0.5, 1): a number of exponent e (2^e <= |v|) has the frexp exponent e + 1.
    exponent = np.maximum(np.frexp(values)[1] - 1, smallest) - mantissa
    rounded = np.ldexp(np.rint(np.ldexp(values, -exponent)), exponent)
    largest = _largest(form)
    beyond = np.abs(rounded) > largest
    if beyond.any():
        limit = {"ieee": np.inf, "none": largest}.get(form.specials, np.nan)
        rounded = np.where(beyond, np.copysign(limit, values), rounded)
    return np.asarray(rounded)


def _largest(form: Format) -> float:
    """The largest finite number of a float format."""
    mantissa = form.bits - 1 - form.exponent
    top = (1 << form.exponent) - 1 - (form.specials == "ieee")
    fraction = (1 << mantissa) - 1 - (form.specials == "ones")
    return float(np.ldexp((1 << mantissa) + fraction, top - form.bias - mantissa))
