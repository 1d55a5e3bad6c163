"""The densest part of a set of rows, and what its scatter looks like."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import column_medians, median
from rowscope.inspector.frozen import record

Rows = NDArray[np.float64]

# The core is the row whose k-th nearest neighbour is closest, with these k neighbours; k is this share.
_SHARE: Final = 0.25
_LEAST: Final = 3
_COPIES: Final = 4
# Untrained rows may be few among trained ones of the same belief: this many that lie together can be told.
_FEW: Final = 16
# ... in one of the densest places, this many of them looked at.
_PLACES: Final = 8
# Squared distances of independent random rows are within this factor of each other.
_ALL: Final = 1.5

# A core whose rows have a mean cosine below this shares no direction: independent random rows.
_INDEPENDENT: Final = 0.2


@record
class Core:
    """Rows that lie close together.

    Attributes:
        members: positions of its rows, int64 [n].
        centre: float64 [d], their coordinate median.
        radius: median distance of the members to the centre.
        pair: median distance of two members over sqrt(2), which for independent scatter about one point is
            their distance to it; unlike `radius` it does not shrink where the centre rests on few rows.
    """

    members: NDArray[np.int64]
    centre: Rows
    radius: float
    pair: float


def densest_core(rows: Rows, squared: Rows | None = None) -> Core | None:
    """The densest quarter of the rows [n, d], at least three of them; None for fewer.

    `squared` float64 [n, n] are their squared distances, where they are known.
    """
    return _core(rows, max(_LEAST, int(np.ceil(_SHARE * len(rows)))), _LEAST, squared)


def closest_copies(rows: Rows, squared: Rows | None = None) -> Core | None:
    """The four rows of [n, d] that lie closest together; None for fewer."""
    return _core(rows, _COPIES, _COPIES, squared)


def noisy_few(rows: Rows, squared: Rows | None = None) -> Core | None:
    """The closest sixteen of the rows [n, d] that share a direction and scatter about it as noise does.

    None where a quarter of the rows is no more than that, or where the densest places hold other rows.
    """
    if len(rows) <= 4 * _FEW:
        return None
    squared = squared_distances(rows, rows) if squared is None else squared
    reach = np.partition(squared, _FEW - 1, axis=1)[:, _FEW - 1]
    left = np.ones(len(rows), dtype=np.bool_)
    for _ in range(_PLACES):
        seed = int(np.where(left, reach, np.inf).argmin())
        members = np.argsort(squared[seed], kind="stable")[:_FEW]
        core = core_of(rows, members)
        if independent(rows[members]):  # random rows lie at one distance from each other, however many
            left &= squared[seed] > _ALL * reach[seed]
        elif isotropic(rows[members] - core.centre):
            return core
        left[members] = False
        if not left.any():
            break
    return None


def _core(rows: Rows, size: int, least: int, squared: Rows | None) -> Core | None:
    if len(rows) < least:
        return None
    squared = squared_distances(rows, rows) if squared is None else squared
    reach = np.partition(squared, size - 1, axis=1)[:, size - 1]
    first = int(reach.argmin())
    return core_of(rows, np.argsort(squared[first], kind="stable")[:size])


def core_of(rows: Rows, members: NDArray[np.int64]) -> Core:
    """The rows [n, d] at the positions `members`, at least two, as a core."""
    members = np.sort(members)
    some = rows[members]
    centre = column_medians(some)
    upper = np.triu_indices(members.size, 1)
    return Core(
        members=members,
        centre=centre,
        radius=median(np.linalg.norm(some - centre, axis=1)),
        pair=float(np.sqrt(median(squared_distances(some, some)[upper]) / 2)),
    )


def squared_distances(one: Rows, other: Rows) -> Rows:
    """|x - y|^2 of every row of [n, d] and every row of [m, d], m > 0, float64 [n, m].

    Taken about the first row, so that near-copies far from the origin do not drown in rounding.
    """
    shift = other[0]
    b = other - shift
    a = b if one is other else one - shift
    found = np.asarray(a @ b.T)
    found *= -2
    found += np.einsum("ij,ij->i", a, a)[:, None]
    found += np.einsum("ij,ij->i", b, b)
    return np.asarray(np.maximum(found, 0.0, out=found))


def independent(rows: Rows) -> bool:
    """Whether the rows [n, d] share no direction: their mean cosine, nothing subtracted, is near zero."""
    off, _ = _cosines(rows)
    return off < _INDEPENDENT


def isotropic(residuals: Rows) -> bool:
    """Whether rows less their centre [n, d] scatter alike in all directions, as noise does.

    The cosines of independent isotropic vectors have variance 1/d; those of trained rows less any centre
    2 to 5 times that, because what training adds lies in few directions. Subtracting their own centre
    shifts the cosines and leaves the variance.
    """
    count, width = residuals.shape
    pairs = count * (count - 1) / 2
    _, variance = _cosines(residuals)
    return bool(variance * width <= 1 + max(0.5, 3 * np.sqrt(2 / max(pairs, 1))))


def _cosines(rows: Rows) -> tuple[float, float]:
    """Mean and variance of the cosines of all pairs of rows that are not zero; 0 and 0 for fewer than two."""
    norms = np.linalg.norm(rows, axis=1)
    unit = rows[norms > 0] / norms[norms > 0, None]
    if len(unit) < 2:
        return 0.0, 0.0
    values = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    return float(values.mean()), float(values.var())
