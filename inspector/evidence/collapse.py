"""Verdicts from shared directions: collapsed onto the reference, or onto another family of near-copies."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.cuts import Cut, find_cut
from rowscope.inspector.evidence.model import COLLAPSED, HIGH, LOW, MEDIUM, Indicators, Reference
from rowscope.inspector.evidence.reference import STRICT, near_copies
from rowscope.inspector.evidence.state import Judgement

_BUNDLES: Final = 3  # families of near-duplicates beside the reference that are looked for


def judge_collapse(state: Judgement, reference: Reference, found: Indicators) -> bool:
    """Collapse verdicts; False where the reference does not stand apart from the used rows."""
    members = state.of(reference.candidates)
    others = state.open & state.used & ~members
    scale = float(np.linalg.norm(reference.centre))
    measures = {"centred_cosine_distance": 1 - found.centred, "relative_distance": found.distance / scale}
    near = np.zeros(members.size, dtype=bool)
    sure = np.zeros(members.size, dtype=bool)
    certainty = np.full(members.size, LOW, dtype=np.int8)
    apart = False
    for name, values in measures.items():
        cut = find_cut(values[members], values[others], floor=1e-3)
        state.cuts[name] = cut.value
        if cut.separated:
            apart = True
            near |= values <= cut.value
            sure |= values <= cut.edge
            certainty = np.maximum(certainty, _trained_confidence(values, cut))
    hit = state.open & near
    if not apart or (others.any() and np.mean(hit[others]) > 0.5):
        return False
    state.confidence[state.open] = certainty[state.open]
    state.give(hit, COLLAPSED, np.where(sure, HIGH, MEDIUM).astype(np.int8))
    return True


def judge_near_copies(state: Judgement, candidates: Candidates, mean: NDArray[np.float64]) -> None:
    """collapsed: further bundles of near-duplicates among special and reserved rows, away from the reference.

    Tokens that were added after pre-training, and never trained since, start as copies of one vector of
    their own.
    """
    for _ in range(_BUNDLES):
        ids = near_copies(state.reader, candidates, state.table.ids[state.open], mean)
        if not ids.size:
            return
        state.cuts["near_copy_cosine"] = STRICT[0]
        state.give(state.open & state.of(ids), COLLAPSED, MEDIUM)


def _trained_confidence(values: NDArray[np.float64], cut: Cut) -> NDArray[np.int8]:
    halfway = np.sqrt(cut.value * cut.bulk) if np.isfinite(cut.bulk) else 2 * cut.value
    return np.where(values > halfway, HIGH, np.where(values > 1.25 * cut.value, MEDIUM, LOW)).astype(np.int8)
