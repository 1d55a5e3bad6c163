"""Land & Bartolo's indicators (arXiv 2405.05417, section 3.2) from dot products alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence.model import Indicators, unknown

Vector = NDArray[np.float64]


def cosine(xu: Vector, xx: Vector, uu: float) -> Vector:
    """cos(x, u) [n] from x.u [n], x.x [n] and u.u; NaN for zero rows."""
    return _ratio(xu, np.sqrt(xx) * np.sqrt(uu))


def centred_cosine(xu: Vector, xm: Vector, xx: Vector, um: float, uu: float, mm: float) -> Vector:
    """cos(x - m, u - m) [n] from dot products with the reference u and the mean row m."""
    return _ratio(xu - xm - um + mm, np.sqrt(_positive(xx - 2 * xm + mm) * max(uu - 2 * um + mm, 0.0)))


def cosine_without(xu: Vector, xv: Vector, xx: Vector, uv: float, uu: float) -> Vector:
    """cos of x and u [n] after both lose their part along the unit vector v."""
    return _ratio(xu - xv * uv, np.sqrt(_positive(xx - xv**2) * max(uu - uv**2, 0.0)))


def distance(xu: Vector, xx: Vector, uu: float) -> Vector:
    """|x - u| [n]; below about 1e-8 of |u| the difference drowns in rounding and reads 0."""
    return np.sqrt(_positive(xx - 2 * xu + uu))


def indicators(dots: NDArray[np.float64], sumsq: Vector, u: Vector, m: Vector, v: Vector) -> Indicators:
    """All indicators of rows x against u, from `dots` [n, 3] = (x.u, x.m, x.v) and `sumsq` [n] = x.x."""
    xu, xm, xv = dots.T
    uu, um, mm, uv = float(u @ u), float(u @ m), float(m @ m), float(u @ v)
    with np.errstate(invalid="ignore"):  # rows that are not finite have no direction: NaN
        return Indicators(
            cosine=cosine(xu, sumsq, uu),
            centred=centred_cosine(xu, xm, sumsq, um, uu, mm),
            without_pc1=cosine_without(xu, xv, sumsq, uv, uu),
            distance=distance(xu, sumsq, uu),
        )


def no_indicators(rows: int) -> Indicators:
    """NaN for every row: there is no reference."""
    none = unknown(rows)
    return Indicators(none, none, none, none)


def _positive(values: Vector) -> Vector:
    return np.maximum(values, 0.0)


def _ratio(top: Vector, bottom: Vector) -> Vector:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom > 0, np.clip(top / bottom, -1.0, 1.0), np.nan)
