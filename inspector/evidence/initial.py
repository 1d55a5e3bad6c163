"""The verdict `initial`: rows that still look like their random start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import column_medians, median
from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.cores import independent
from rowscope.inspector.evidence.isotropy import Trained, norm_band, unit_rows
from rowscope.inspector.evidence.look import among, sample
from rowscope.inspector.evidence.model import HIGH, INITIAL, LOW, MEDIUM, Reference
from rowscope.inspector.evidence.state import Judgement
from rowscope.inspector.frozen import record
from rowscope.inspector.text import say

Flags = NDArray[np.bool_]

# Norms of independent rows scatter by 1/sqrt(2 d); this many within three of that, and few others within
# ten, are rows of one start.
_AGREE: Final = 8
_INSIDE, _AROUND = 3.0, 10.0
_SHARE: Final = 0.8
# Narrower rows have norms that scatter so far by chance that a norm says nothing.
_WIDE: Final = 50
# As many believed rows that look random tell how untouched ordinary rows look.
_MEMBERS: Final = 8
_FRESH: Final = 0.95
# Norms that agree mean something where hardly any trained row looks random.
_DISTINCT: Final = 0.1
_LOOKED_AT: Final = 512
# Believed rows that look random without being known as untrained are more than chance makes beyond this many
# times the share of trained rows that do.
_MORE: Final = 3
# Ordinary rows are surely untouched where chance makes no more than one in a hundred of them: what it makes
# is counted in bands of twice the width.
_DOUBT: Final = 0.02


@record
class Start:
    """What is known of the random start.

    Attributes:
        std: standard deviation by the config, None where it does not say.
        ordinary: whether ordinary rows may have kept it: not in an output matrix, where every step moves
            every row.
    """

    std: float | None
    ordinary: bool


def judge_added(
    state: Judgement, near: Flags, sample_of_trained: Callable[[], Trained | None], upright: Flags
) -> None:
    """initial: believed and added rows that are random: of the start's norm, or of one norm among themselves.

    Args:
        near: rows with the norm of the start by the config.
        sample_of_trained: what trained rows look like, asked for where there is a row to compare.
        upright: rows that lean towards no reference.
    """
    perhaps = state.open & state.special & upright
    few = not (perhaps & near).any() and perhaps.sum() < _AGREE
    if few or state.table.width < _WIDE:
        return
    trained = sample_of_trained()
    if trained is None:
        return
    passing = _random(state, perhaps, trained)
    random = passing & _alone(state, passing)
    distinct = trained.usual_share <= _DISTINCT
    alike = _agreeing(state, random) if distinct else np.zeros_like(random)
    anchors = state.of(state.look.anchors)
    asked = np.count_nonzero(perhaps & anchors)
    # Of narrow rows many have that norm and look random by chance: then it takes more than chance makes.
    usual = np.count_nonzero(state.of(trained.ids[trained.usual]) & near) / trained.ids.size
    if np.count_nonzero(random & near & anchors) < _MORE * usual * asked:
        near = np.zeros_like(near)
    state.give(random & (near | alike), INITIAL, MEDIUM)
    if distinct:
        state.unlike = passing & state.open
        state.by_chance = max(_AGREE, _MORE * trained.usual_share * asked)


def _alone(state: Judgement, random: Flags) -> Flags:
    """Those of the `random` rows that no believed or added row resembles: families point anywhere too."""
    ids, index = among(state.look.kin, state.ids(state.open)), np.flatnonzero(random)
    found = np.zeros_like(random)
    if ids.size and index.size:
        limit = (np.sqrt(2 * np.log(ids.size)) + 2) / np.sqrt(state.table.width)
        anchors = unit_rows(state.reader.decode(ids))
        for start in range(0, index.size, _LOOKED_AT):
            some = index[start : start + _LOOKED_AT]
            cosines = np.abs(unit_rows(state.reader.decode(state.table.ids[some])) @ anchors.T)
            cosines[state.table.ids[some, None] == ids] = 0
            found[some] = cosines.max(axis=1) <= limit
    return found


def judge_untouched(
    state: Judgement, candidates: Candidates, near: Flags, trained: Trained | None, start: Start
) -> tuple[Reference | None, str]:
    """initial: ordinary rows that no step has moved, in a matrix without a collapsed reference.

    Where such a reference stands, steps have moved all the rows there were. Returns the reference of kind
    "initial", where believed rows make one, and a remark for the report.
    """
    if _untouched(state, near):
        state.give(near & state.open, INITIAL, MEDIUM)
        remark = say("nearly every row still has the norm of the random start (config initializer_range)")
        return None, remark
    if trained is None:
        return None, ""
    members = (state.verdict == INITIAL) & state.of(candidates.believed)
    reference = _reference(state, members, candidates) if members.sum() >= _MEMBERS else None
    if reference is not None:
        state.give(members, INITIAL, HIGH)
        band = norm_band(state.table.norm[members], state.table.width)
        return reference, _ordinary(state, band, trained, 0, HIGH)
    if start.std is None or not start.ordinary or state.table.width < _WIDE or not near.any():
        return None, ""
    usual, sigma = start.std * np.sqrt(state.table.width), 5 / np.sqrt(2 * state.table.width)
    return None, _ordinary(state, (usual * (1 - sigma), usual * (1 + sigma)), trained, _MEMBERS, LOW)


def _ordinary(
    state: Judgement, band: tuple[float, float], trained: Trained, least: int, certainty: int
) -> str:
    """Verdicts for ordinary rows of norms within `band`; a remark where they cannot be told.

    Untouched rows have one norm, so that random-looking rows of the sample crowd inside the band; trained
    ones that look random by chance lie outside as often, and lower the confidence.
    """
    low, high = band
    norm, reach = state.table.norm, 2 * (high - low)
    with np.errstate(invalid="ignore"):
        inside = state.open & (norm >= low) & (norm <= high)
        around = state.open & ~inside & (norm >= low - reach / 2) & (norm <= high + reach / 2)
    bulk = state.of(state.look.bulk)
    crowd = int(_random(state, inside & bulk, trained).sum())
    chance = int(_random(state, around & bulk, trained).sum())
    if crowd < least or 2 * chance > max(crowd, 4):
        return say("trained rows look as random as untouched ones do") if chance > crowd else ""
    if chance > _DOUBT * crowd:
        certainty = min(certainty, MEDIUM)
    state.give(_random(state, inside, trained), INITIAL, certainty)
    return ""


def _random(state: Judgement, rows: Flags, trained: Trained) -> Flags:
    """Those of `rows` that lean towards trained rows no more than random ones do."""
    found = np.zeros_like(rows)
    index = np.flatnonzero(rows)
    found[index] = trained.random(state.reader, state.table.ids[index])
    return found


def like_start(state: Judgement, std: float | None) -> Flags:
    """Open rows with the standard deviation and mean of a start by the config; bool [n]."""
    width = state.table.width
    if std is None or not std > 0:
        return np.zeros(state.table.ids.size, dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        near = np.abs(state.table.std / std - 1) <= 5 / np.sqrt(2 * width)
        flat = np.abs(state.table.mean) <= 5 * std / np.sqrt(width)
    return np.asarray(state.open & near & flat)


def _untouched(state: Judgement, near: Flags) -> bool:
    """Whether the whole matrix is as it started: nearly all used rows have that norm, and no common lean."""
    rows = state.used & state.of(state.look.bulk)
    if not rows.any() or float(np.mean(near[rows])) < _FRESH:
        return False
    return independent(state.reader.decode(sample(state.ids(rows & near), _LOOKED_AT)))


def _agreeing(state: Judgement, random: Flags) -> Flags:
    """Random rows of one norm, as rows of one start have and trained ones that look random have not."""
    norm = state.table.norm
    norms = np.sort(norm[random])
    sigma = 1 / np.sqrt(2 * state.table.width)
    if norms.size < _AGREE or _AROUND * sigma >= 1:
        return np.zeros_like(random)

    def count(reach: float) -> NDArray[np.int64]:
        low = np.searchsorted(norms, norms * (1 - reach * sigma))
        return np.asarray(np.searchsorted(norms, norms * (1 + reach * sigma), side="right") - low)

    inside = count(_INSIDE)
    best = int(inside.argmax())
    if inside[best] < max(_AGREE, _SHARE * count(_AROUND)[best]):
        return np.zeros_like(random)
    return np.asarray(random & (np.abs(norm / norms[best] - 1) <= 5 * sigma))


def _reference(state: Judgement, members: Flags, candidates: Candidates) -> Reference | None:
    ids = among(state.look.anchors, state.ids(members))
    if ids.size < _MEMBERS:
        return None
    rows = state.reader.decode(ids)
    centre = column_medians(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(centre)
        spread = median(1 - rows @ centre / lengths)
    return Reference("initial", candidates.describe(ids), int(ids.size), spread, centre, ids)
