"""Thresholds from a checkpoint's own distributions: between what the reference rows do and the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# How many robust standard deviations a member may lie above the members' median.
_SIGMAS: Final = 6.0
# Where between the members' edge and the used rows' median the cut lies, on a logarithmic scale. A quarter
# keeps rows that training touched a few times on the trained side (see docs/verdicts.md).
_WAY: Final = 0.25


@dataclass(frozen=True, slots=True)
class Cut:
    """A threshold on an indicator that is small for untrained rows.

    Attributes:
        edge: upper end of what the reference rows show.
        value: rows at or below are untrained.
        bulk: median of the used rows.
        separated: whether the used rows lie clearly above the edge; where they do not, the indicator
            says nothing.
    """

    edge: float
    value: float
    bulk: float
    separated: bool


def find_cut(members: NDArray[np.float64], others: NDArray[np.float64], floor: float) -> Cut:
    """Cut between `members` [n] (reference rows) and `others` [m] (used rows), both non-negative.

    `floor` is the rounding of the stored numbers: an edge cannot lie below it.
    """
    centre = float(np.median(members))
    sigma = 1.4826 * float(np.median(np.abs(members - centre)))
    edge = max(centre + _SIGMAS * sigma, floor)
    bulk = float(np.median(others)) if others.size else np.inf
    if not np.isfinite(bulk):
        return Cut(edge, edge, bulk, True)
    if bulk <= 1.5 * edge:
        return Cut(edge, edge, bulk, False)
    return Cut(edge, float(edge * (bulk / edge) ** _WAY), bulk, True)
