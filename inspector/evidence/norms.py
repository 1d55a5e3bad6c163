"""Verdicts that a row's own numbers give: nonfinite, zero, vanishing."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median
from rowscope.inspector.evidence.model import HIGH, MEDIUM, NONFINITE, VANISHING, ZERO
from rowscope.inspector.evidence.state import Judgement

# A row has vanished when its norm is this far below the used rows' median ...
_VANISHED: Final = 0.1
# ... and a gap of this factor in the norms lies between it and the rest.
_GAP: Final = 2.0
_FAR: Final = 1e-3


def judge_norms(state: Judgement) -> None:
    """nonfinite, zero, vanishing."""
    table = state.table
    state.give(~table.finite, NONFINITE, HIGH)
    state.give(table.finite & (table.zeros == table.width), ZERO, HIGH)
    bulk = state.open & state.used
    if not bulk.any():
        bulk = state.open
    if not bulk.any():
        return
    norm = table.norm
    usual = median(norm[bulk])
    limit = _vanishing_limit(np.sort(norm[state.open]), usual)
    state.cuts["vanishing_norm"] = limit
    vanished = state.open & (norm <= limit)
    certainty = np.where(norm <= _FAR * usual, HIGH, MEDIUM).astype(np.int8)
    state.give(vanished, VANISHING, certainty)


def _vanishing_limit(norms: NDArray[np.float64], usual: float) -> float:
    """The largest norm [sorted, n] below a tenth of the median with a gap of a factor of two above it."""
    low = int(np.searchsorted(norms, _VANISHED * usual))
    if low == 0 or low == norms.size:
        return 0.0
    steps = norms[1 : low + 1] / np.maximum(norms[:low], np.finfo(np.float64).tiny)
    gaps = np.flatnonzero(steps >= _GAP)
    return float(norms[gaps[-1]]) if gaps.size else 0.0
