"""The densest bundle of directions among a few thousand rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

# From near-copies down to a shared lean; the first level at which enough rows agree is taken.
LEVELS: Final = (0.999, 0.98, 0.9, 0.8, 0.7, 0.6, 0.5)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Rows that share a direction.

    Attributes:
        members: bool [n], which rows belong to it.
        centre: float64 [d], their coordinate median, in the coordinates of the rows given.
        level: the pairwise cosine (after subtracting `mean`) that the search asked for.
    """

    members: NDArray[np.bool_]
    centre: NDArray[np.float64]
    level: float


def unit_rows(rows: Rows, mean: NDArray[np.float64]) -> Rows:
    """Rows [n, d] minus `mean` [d], scaled to length 1; a row equal to the mean stays zero."""
    centred = rows - mean
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: Rows = np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 0)
    return unit


def densest_bundle(
    rows: Rows, mean: NDArray[np.float64], *, share: float, least: int, levels: tuple[float, ...] = LEVELS
) -> Bundle | None:
    """The largest set of `rows` [n, d] around one row whose centred cosines reach the tightest level.

    A level is taken when at least `least` rows and `share` of all rows agree at it. None where no level
    gathers that many.
    """
    if rows.shape[0] < least:
        return None
    unit = unit_rows(rows, mean)
    cosines = unit @ unit.T
    needed = max(least, int(np.ceil(share * rows.shape[0])))
    for level in levels:
        neighbours = (cosines >= level).sum(axis=1)
        best = int(np.argmax(neighbours))
        if neighbours[best] >= needed:
            return _refine(rows, unit, cosines[best] >= level, level)
    return None


def _refine(rows: Rows, unit: Rows, members: NDArray[np.bool_], level: float) -> Bundle:
    """Gather what agrees with the members' median direction as well as they agree among themselves."""
    direction = np.median(unit[members], axis=0)
    # Rows with pairwise cosine c lie at cosine sqrt(c) to their common centre.
    members = members | (unit @ direction >= np.sqrt(level) * np.linalg.norm(direction))
    return Bundle(members, np.median(rows[members], axis=0), level)
