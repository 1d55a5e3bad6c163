"""Numbers for people. JSON has the full precision; text rounds."""

from __future__ import annotations

import math


def count(value: int | None) -> str:
    """`151,936`; a dash for what is unknown."""
    return "-" if value is None else f"{value:,}"


def plural(count: int, noun: str) -> str:
    """`1 tensor`, `2 tensors`, `1,234 entries`."""
    if count == 1:
        return f"1 {noun}"
    ending = noun[:-1] + "ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else noun + "s"
    return f"{count:,} {ending}"


def real(value: float | None) -> str:
    """Four significant digits, in the shorter of fixed and exponent form; `nan` for no number."""
    if value is None or math.isnan(value):
        return "nan"
    if value == 0 or math.isinf(value):
        return f"{value:g}"
    return f"{value:.4g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.3e}"


def ratio(part: int, whole: int) -> str:
    """A share in per cent that is 0% or 100% only when it is exactly so."""
    if whole == 0:
        return "-"
    if part in (0, whole):
        return "0%" if part == 0 else "100%"
    return f"{min(max(100 * part / whole, 0.01), 99.99):.2f}%"


def cosine(value: float | None) -> str:
    """Four decimals, a dash where there is none; what is not quite 1 reads `>0.9999`, never 1."""
    if value is None or math.isnan(value):
        return "-"
    if abs(value) < 1 and abs(round(value, 4)) == 1:
        return ">0.9999" if value > 0 else "<-0.9999"
    return f"{value:.4f}"
