"""Rows that still look like their random start: the right norm, and no lean towards what training builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Directions of the trained rows that a random row ignores: it has about k/d of its energy in them.
_DIRECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class TrainedSubspace:
    """Leading directions of the used rows.

    Attributes:
        basis: float64 [k, d], orthonormal.
        expected, sigma: share of a random row's energy inside it, k/d, and its standard deviation
            sqrt(2 k (d - k)) / d / sqrt(d + 2) (Beta distribution with parameters k/2, (d - k)/2).
    """

    basis: NDArray[np.float64]
    expected: float
    sigma: float


def trained_subspace(rows: NDArray[np.float64]) -> TrainedSubspace | None:
    """Leading directions of a sample of used rows [n, d], not centred; None for too few rows."""
    count, width = rows.shape
    k = min(_DIRECTIONS, width // 8, count // 4)
    if k < 1:
        return None
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    # The n x n Gram matrix: its eigenvectors cost n^3 however wide the rows are.
    values, vectors = np.linalg.eigh(unit @ unit.T)
    basis = (unit.T @ vectors[:, -k:]).T / np.sqrt(np.maximum(values[-k:, None], 1e-300))
    sigma = float(np.sqrt(2 * k * (width - k) / (width + 2)) / width)
    return TrainedSubspace(np.ascontiguousarray(basis), k / width, sigma)


def lean(
    dots: NDArray[np.float64], sumsq: NDArray[np.float64], space: TrainedSubspace
) -> NDArray[np.float64]:
    """Share of energy inside the subspace, in standard deviations above a random row's; float64 [n].

    `dots` float64 [n, k] are the rows' products with the basis, `sumsq` [n] their squared norms.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((np.sum(dots**2, axis=1) / sumsq - space.expected) / space.sigma)


def norm_band(norms: NDArray[np.float64], width: int) -> tuple[float, float]:
    """Interval of norms around those of reference rows [n]; random rows scatter by 1/sqrt(2 d)."""
    centre = float(np.median(norms))
    sigma = max(1.4826 * float(np.median(np.abs(norms - centre))), centre / np.sqrt(2 * width))
    return centre - 5 * sigma, centre + 5 * sigma
