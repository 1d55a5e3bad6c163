"""How far a trained row has come from where the untrained ones lie: barely, partly, clearly."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence.model import COLLAPSED, LOW, TRAINED, VERDICTS, MatrixEvidence, Reference

GRADES: Final = ("barely", "partly", "clearly")
"""Of a trained row, by how far it moved; calibrated against what models do with such tokens when asked."""

# Displacement, less the reference's own scatter. Asked about them, a 0.5B model knew none of 36 tokens
# below 0.30, 6 of 20 up to 0.40, and 55 of 56 beyond (docs/verdicts.md).
BARELY: Final = 0.30
PARTLY: Final = 0.40


def moved(away: NDArray[np.float64], lead: Reference) -> NDArray[np.float64]:
    """How far rows at distances `away` [n] have come from the reference, less its own scatter."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(np.maximum(away**2 - lead.radius**2, 0) / (lead.bulk**2 - lead.radius**2)))


def grades(evidence: MatrixEvidence) -> NDArray[np.int8]:
    """int8 [n], index into `GRADES`; -1 for rows not called trained, and where no firm reference tells."""
    found = np.full(evidence.verdict.size, -1, dtype=np.int8)
    lead = evidence.reference
    if lead is None or lead.kind != VERDICTS[COLLAPSED] or lead.certainty == LOW:
        return found
    way = moved(evidence.displacement * lead.bulk, lead)
    told = (evidence.verdict == TRAINED) & np.isfinite(way)
    found[told] = np.searchsorted([BARELY, PARTLY], way[told], side="right")
    return found
