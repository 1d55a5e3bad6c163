"""Verdicts from places: collapsed onto a reference, or into a family of near-copies."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import column_medians, median
from rowscope.inspector.evidence.cores import squared_distances
from rowscope.inspector.evidence.grade import BARELY, PARTLY, moved
from rowscope.inspector.evidence.look import Ids
from rowscope.inspector.evidence.model import COLLAPSED, HIGH, LOW, MEDIUM, SHARE, Reference
from rowscope.inspector.evidence.state import Judgement

# A family: a row with this many others within `SHARE` of the used rows' median distance.
_OTHERS: Final = 3
# Standard deviations of the cosine of a random row to a given direction, 1 / sqrt(d).
_CHANCE: Final = 5.0
# ... and within this part of its own squared norm: short random rows lie close together and are no copies.
_DIRECTED: Final = 0.25
_FAMILIES: Final = 9
_BLOCK: Final = 512

Floats = NDArray[np.float64]


def judge_collapse(
    state: Judgement, references: tuple[Reference, ...], distances: Floats, lying: NDArray[np.bool_]
) -> None:
    """collapsed: rows on a reference.

    `distances` float64 [n, k] and `lying` bool [n, k] have one column for each.

    Also the confidence of the trained rows, by how far they have moved from the leading reference.
    """
    lead = references[0]
    state.confidence[state.open] = _trained_confidence(distances[:, 0], lead)[state.open]
    state.cuts["displacement"] = lead.cut / lead.bulk
    state.cuts["reference_edge"] = lead.edge / lead.bulk
    for reference, away, within in zip(references, distances.T, lying.T, strict=True):
        hit = state.open & within
        with np.errstate(invalid="ignore"):
            sure = away <= reference.edge
        certainty = np.minimum(np.where(sure, HIGH, MEDIUM), reference.certainty).astype(np.int8)
        state.give(hit, COLLAPSED, certainty)


def on_references(references: tuple[Reference, ...], distances: Floats, norms: Floats) -> NDArray[np.bool_]:
    """bool [n, k]: rows within the cut of each reference, and as far along its direction as its own rows.

    `distances` float64 [n, k], one column for each; `norms` float64 [n]. From
    |x - c|^2 = |x|^2 - 2 x.c + |c|^2.
    """
    found = np.zeros(distances.shape, dtype=np.bool_)
    for at, reference in enumerate(references):
        away, size = distances[:, at], float(np.linalg.norm(reference.centre))
        with np.errstate(all="ignore"):
            projected = (norms**2 + size**2 - away**2) / (2 * size)
            found[:, at] = (away <= reference.cut) & ~(np.abs(projected - size) > reference.along)
    return found


def upright(references: tuple[Reference, ...], distances: Floats, norms: Floats) -> NDArray[np.bool_]:
    """bool [n]: rows at right angles to every reference, as far as chance lets random rows be.

    From |x - c|^2 = |x|^2 - 2 x.c + |c|^2; `norms` float64 [n].
    """
    found = np.ones(norms.size, dtype=np.bool_)
    for reference, away in zip(references, distances.T, strict=True):
        size = float(np.linalg.norm(reference.centre))
        with np.errstate(all="ignore"):
            cosine = (norms**2 + size**2 - away**2) / (2 * norms * size)
            found &= np.abs(cosine) <= _CHANCE / np.sqrt(reference.centre.size)
    return found


def _trained_confidence(away: NDArray[np.float64], lead: Reference) -> NDArray[np.int8]:
    """How sure it is that rows at these distances [n], beyond the cut, were trained."""
    way = moved(away, lead)
    levels = np.where(way >= PARTLY, HIGH, np.where(way >= BARELY, MEDIUM, LOW))
    return np.minimum(levels, lead.certainty).astype(np.int8)


def judge_families(state: Judgement, kin: Ids, unit: float) -> list[NDArray[np.float64]]:
    """collapsed: believed and added rows that lie close to others of them, away from the reference.

    Placeholders drift in families, and tokens that were added alike stay alike until something trains
    them. The weights cannot tell them from tokens that were trained alike: the confidence is never high.

    Args:
        kin: ids of believed and added rows among which others are counted: not on a reference.
        unit: median distance of the used rows to the reference, or to their centre where there is none.

    Returns:
        The families' centres, float64 [d] each.
    """
    if kin.size <= _OTHERS or not unit > 0:
        return []
    rows = state.reader.decode(kin)
    reach = np.minimum((SHARE * unit) ** 2, _DIRECTED * (rows * rows).sum(axis=1))
    own = state.open & state.special
    ids = state.table.ids[own]
    member = np.zeros(ids.size, dtype=bool)
    for start in range(0, ids.size, _BLOCK):
        some = ids[start : start + _BLOCK]
        near = squared_distances(state.reader.decode(some), rows) <= reach
        near &= some[:, None] != kin[None]
        member[start : start + _BLOCK] = near.sum(axis=1) >= _OTHERS
    if not member.any():
        return []
    state.cuts["family_distance"] = SHARE
    family = state.of(ids[member])
    state.give(family, COLLAPSED, MEDIUM)
    kept = np.isin(kin, ids[member])
    # Of many rows `kin` is a sample: it may hold none of those that lie among several of it.
    return _centres(rows[kept], reach[kept]) if kept.any() else []


def _centres(rows: NDArray[np.float64], reach: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Centres of the largest families among their rows [n, d], which reach as far as `reach` [n] says."""
    squared = squared_distances(rows, rows)
    near = (squared <= reach) & (reach[:, None] >= squared.T)
    left = np.ones(len(rows), dtype=bool)
    found: list[NDArray[np.float64]] = []
    while len(found) < _FAMILIES:
        counts = (near & left).sum(axis=1) * left
        if counts.max(initial=0) <= _OTHERS:
            break
        members = near[int(counts.argmax())] & left
        found.append(column_medians(rows[members]))
        left &= ~members
    return found


def judge_relatives(state: Judgement, distances: NDArray[np.float64], unit: float) -> None:
    """collapsed: other used rows within a family; `distances` float64 [n, k] to the families' centres.

    Rows of a family lie at up to SHARE / sqrt(2) from its centre, which is as far as others may.
    """
    with np.errstate(invalid="ignore"):
        near = (distances <= SHARE * unit / np.sqrt(2)).any(axis=1)
    state.give(state.open & near, COLLAPSED, LOW)


def judge_copies(state: Judgement, group: NDArray[np.int64]) -> dict[int, int]:
    """Rows that equal others bit for bit, which training never makes; `group` int64 [n] numbers them.

    An added or reserved row that equals one ordinary row alone was copied from it: its donor is returned by
    its id, and the verdict is the caller's. Otherwise four equal rows or more are collapsed.
    """
    donors: dict[int, int] = {}
    members = np.flatnonzero((group >= 0) & state.open)
    order = members[np.argsort(group[members], kind="stable")]
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        ordinary = rows[~state.special[rows]]
        if ordinary.size == 1 and rows.size > 1:
            donor = int(state.table.ids[ordinary[0]])
            donors |= {int(state.table.ids[at]): donor for at in rows if at != ordinary[0]}
        elif rows.size > _OTHERS:
            state.verdict[rows] = COLLAPSED
            state.confidence[rows] = MEDIUM
    return donors


def unit_without(bulk: NDArray[np.float64]) -> float:
    """Median distance of the used rows [n, d] to their median, for matrices without a reference."""
    return median(np.linalg.norm(bulk - column_medians(bulk), axis=1)) if len(bulk) else 0.0
