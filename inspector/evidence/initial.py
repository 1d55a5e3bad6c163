"""The verdict `initial`: rows that still look like their random start."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence.isotropy import lean, norm_band, trained_subspace
from rowscope.inspector.evidence.model import HIGH, INITIAL, MEDIUM, Reference
from rowscope.inspector.evidence.reference import sample
from rowscope.inspector.evidence.state import Judgement
from rowscope.inspector.rows import project_rows

_SAMPLE: Final = 512
_LEAN: Final = 4.0  # standard deviations of a random row's energy in the trained directions
_RARE: Final = 0.2
_FRESH: Final = 0.95


def judge_initial(state: Judgement, reference: Reference | None, start: float | None) -> str:
    """initial: norm like a random start, and no more energy in the trained directions than chance gives."""
    members = state.of(reference.candidates) if reference and reference.kind == "initial" else None
    like = _norm_like_start(state, members, start)
    if like is None or not like.any():
        return ""
    pool = state.table.ids[state.open & state.used & ~like]
    share = float(np.mean(like[state.used])) if state.used.any() else 0.0
    if members is None and share >= _FRESH:
        state.give(like & state.open, INITIAL, MEDIUM)
        return "; nearly every row still has the norm of the random start (config initializer_range)"
    space = trained_subspace(state.reader.decode(sample(pool, _SAMPLE)))
    if space is None:
        return _only_members(state, members, "too few other rows to compare with")
    index = np.flatnonzero(like | (np.arange(like.size) % max(1, like.size // _SAMPLE) == 0))
    dots = project_rows(state.reader, space.basis, ids=state.table.ids[index])
    leaning = np.full(like.size, np.nan)
    leaning[index] = lean(dots, state.table.sumsq[index], space)
    isotropic = like & (leaning <= _LEAN)
    usual = float(np.nanmedian(leaning[state.used & ~like])) if (state.used & ~like).any() else np.nan
    rare = float(np.mean(isotropic[state.used])) <= _RARE if state.used.any() else True
    if not usual > 2 * _LEAN or (members is None and not rare):
        return _only_members(state, members, "trained rows look as isotropic as random ones")
    state.cuts["lean_sigmas"] = _LEAN
    certainty = MEDIUM if members is None else HIGH
    state.give(isotropic & state.open, INITIAL, certainty)
    return ""


def _norm_like_start(
    state: Judgement, members: NDArray[np.bool_] | None, start: float | None
) -> NDArray[np.bool_] | None:
    if members is not None:
        low, high = norm_band(state.table.norm[members], state.table.width)
        return np.asarray(state.open & (state.table.norm >= low) & (state.table.norm <= high))
    if start is None or not start > 0:
        return None
    width = state.table.width
    near = np.abs(state.table.std / start - 1) <= 5 / np.sqrt(2 * width)
    flat = np.abs(state.table.mean) <= 5 * start / np.sqrt(width)
    return np.asarray(state.open & near & flat)


def _only_members(state: Judgement, members: NDArray[np.bool_] | None, why: str) -> str:
    if members is None:
        return ""
    state.give(members & state.open, INITIAL, MEDIUM)
    return f"; only the rows believed untrained are called initial: {why}"
