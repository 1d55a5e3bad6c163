"""What the weights say of a token: of the two rows that an untied model has for it, the one that decides."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence import (
    CONFIDENCES,
    DAMAGED,
    GRADES,
    TRAINED,
    VERDICTS,
    MatrixEvidence,
    grades,
)
from rowscope.inspector.frozen import record

Ids = NDArray[np.int64]

UNJUDGED = "unjudged"
"""The verdict where no matrix could be judged."""


@record
class Opinion:
    """Of one token: `matrix` is the role of the row that decides, the rest as in the evidence of `rows`."""

    matrix: str
    verdict: str
    confidence: str
    grade: str | None
    displacement: float

    @property
    def untrained(self) -> bool:
        return self.verdict not in (VERDICTS[TRAINED], VERDICTS[DAMAGED], UNJUDGED)


class Weights:
    """Verdicts and grades of all rows, by role."""

    def __init__(self, evidence: Mapping[str, MatrixEvidence]) -> None:
        self._evidence = evidence
        self._grades = {role: grades(found) for role, found in evidence.items()}

    def opinion(self, id: int) -> Opinion:
        """Of the rows of an id: one that looks untrained, else the one that is less surely trained."""
        found = [
            self._of(role, id) for role, evidence in self._evidence.items() if id < evidence.verdict.size
        ]
        if not found:
            return Opinion("", UNJUDGED, CONFIDENCES[0], None, float("nan"))
        order = {name: at for at, name in enumerate(CONFIDENCES)}
        return min(found, key=lambda opinion: (not opinion.untrained, order[opinion.confidence]))

    def untrained(self, ids: Ids) -> Ids:
        """Those of the ids whose row looks untrained in either matrix."""
        found = np.zeros(ids.size, dtype=bool)
        for evidence in self._evidence.values():
            within = ids < evidence.verdict.size
            found[within] |= evidence.untrained[ids[within]]
        return ids[found]

    def doubtful(self, ids: Ids) -> NDArray[np.bool_]:
        """bool [n]: ids with a row that is called trained and moved less than clearly."""
        found = np.zeros(ids.size, dtype=bool)
        for graded in self._grades.values():
            within = ids < graded.size
            own = graded[ids[within]]
            found[within] |= (own >= 0) & (own < len(GRADES) - 1)
        return found

    def _of(self, role: str, id: int) -> Opinion:
        evidence, grade = self._evidence[role], int(self._grades[role][id])
        return Opinion(
            matrix=role,
            verdict=VERDICTS[evidence.verdict[id]],
            confidence=CONFIDENCES[evidence.confidence[id]],
            grade=None if grade < 0 else GRADES[grade],
            displacement=float(evidence.displacement[id]) if evidence.displacement.size else float("nan"),
        )
