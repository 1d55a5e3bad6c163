"""Slow and obvious versions of the row quantities: Python loops, exact fractions, decoding by ml_dtypes.

Nothing here shares code with rowscope. Sums of finite elements are exact and then rounded once; where
elements are not finite they follow IEEE 754 in the order of the row.
"""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np

WHOLE_BYTES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F8_E4M3FNUZ": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "F8_E5M2FNUZ": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "F8_E8M0": np.dtype(ml_dtypes.float8_e8m0fnu),
    **{f"{kind}{8 * size}": np.dtype(f"<{kind.lower()}{size}") for kind in "IU" for size in (1, 2, 4, 8)},
}
SUB_BYTE = {
    "F4": (4, ml_dtypes.float4_e2m1fn),
    "F6_E2M3": (6, ml_dtypes.float6_e2m3fn),
    "F6_E3M2": (6, ml_dtypes.float6_e3m2fn),
}
FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", *SUB_BYTE)
DTYPES = (*WHOLE_BYTES, *SUB_BYTE)


def bits(dtype: str) -> int:
    return SUB_BYTE[dtype][0] if dtype in SUB_BYTE else WHOLE_BYTES[dtype].itemsize * 8


def decode(dtype: str, row: bytes) -> list[float]:
    """Values of one row; narrow elements are cut from the row read as one little-endian number."""
    if dtype in WHOLE_BYTES:
        with np.errstate(invalid="ignore"):
            return [float(value) for value in np.frombuffer(row, WHOLE_BYTES[dtype])]
    width, kind = SUB_BYTE[dtype]
    number, mask = int.from_bytes(row, "little"), (1 << width) - 1
    codes = [(number >> (width * i)) & mask for i in range(len(row) * 8 // width)]
    return [float(np.array([code], np.uint8).view(kind)[0]) for code in codes]


def encode(dtype: str, values: np.ndarray) -> np.ndarray:
    """Rows of values as bytes, shape (rows, row_bytes)."""
    with np.errstate(all="ignore"):
        if dtype in WHOLE_BYTES:
            return np.ascontiguousarray(values.astype(WHOLE_BYTES[dtype])).view(np.uint8)
        width, kind = SUB_BYTE[dtype]
        codes = values.astype(kind).view(np.uint8)
    rows = [sum(int(code) << (width * i) for i, code in enumerate(row)) for row in codes]
    size = values.shape[1] * width // 8
    return np.array([list(row.to_bytes(size, "little")) for row in rows], np.uint8).reshape(len(rows), size)


def normal(rows: int = 60, width: int = 24, seed: int = 0) -> np.ndarray:
    """Normal numbers, the same at every call."""
    return np.random.default_rng(seed).normal(size=(rows, width))


def row(values: list[float]) -> dict[str, float]:
    """Every quantity of one row."""
    finite = all(math.isfinite(value) for value in values)
    found: dict[str, float] = {
        "zeros": sum(value == 0 for value in values),
        "nan": sum(math.isnan(value) for value in values),
        "pos_inf": sum(value == math.inf for value in values),
        "neg_inf": sum(value == -math.inf for value in values),
        "min": _least(values),
        "max": -_least([-value for value in values]),
    }
    if finite:
        return found | _moments([Fraction(value) for value in values])
    total, squares, magnitudes = 0.0, 0.0, 0.0
    for value in values:
        total, squares, magnitudes = total + value, squares + value * value, magnitudes + abs(value)
    return found | {"sum": total, "sumsq": squares, "l1": magnitudes, "m2": math.nan}


def _least(values: list[float]) -> float:
    if not values or any(math.isnan(value) for value in values):
        return math.nan
    return min(values) + 0.0


def _moments(values: list[Fraction]) -> dict[str, float]:
    total = sum(values, Fraction(0))
    squares = sum((value * value for value in values), Fraction(0))
    m2 = squares - total * total / len(values) if values else Fraction(0)
    return {
        "sum": rounded(total),
        "sumsq": rounded(squares),
        "l1": rounded(sum(map(abs, values), Fraction(0))),
        "m2": rounded(m2),
        "norm": root(squares),
        "std": root(m2 / (len(values) - 1)) if len(values) > 1 else math.nan,
    }


def rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def root(value: Fraction) -> float:
    """Square root of a fraction of any size, to float64's precision."""
    if value == 0:
        return 0.0
    shift = (value.numerator.bit_length() - value.denominator.bit_length() - 128) // 2
    scaled = value / Fraction(4) ** shift if shift >= 0 else value * Fraction(4) ** -shift
    return rounded(Fraction(math.isqrt(scaled.numerator // scaled.denominator)) * Fraction(2) ** shift)


def columns(rows: list[list[float]]) -> dict[str, object]:
    """Column statistics of the rows of one group."""
    finite = [values for values in rows if all(math.isfinite(value) for value in values)]
    if not finite:
        return {"rows": 0, "unit_rows": 0, "scatter": 0.0, "mean": None, "unit_sum": None}
    exact = [[Fraction(value) for value in values] for values in finite]
    mean = [sum(column, Fraction(0)) / len(exact) for column in zip(*exact, strict=True)]
    scatter = sum(
        ((value - m) ** 2 for values in exact for value, m in zip(values, mean, strict=True)), Fraction(0)
    )
    norms = [root(sum((value * value for value in values), Fraction(0))) for values in exact]
    units = [
        [float(value) / norm for value in values] for values, norm in zip(exact, norms, strict=True) if norm
    ]
    return {
        "rows": len(finite),
        "unit_rows": len(units),
        "scatter": rounded(scatter),
        "mean": [rounded(value) for value in mean],
        "unit_sum": [math.fsum(column) for column in zip(*units, strict=True)] or [0.0] * len(mean),
    }
