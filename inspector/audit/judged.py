"""Every row of a matrix as it was judged: what pictures and tables of a whole report are drawn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence import MatrixFacts, grades
from rowscope.inspector.frozen import Comparable, record


@record(eq=False)
class JudgedRows(Comparable):
    """One entry a row, arrays of shape (rows,) in row order; no part of the JSON.

    Attributes:
        norm: Euclidean norm; NaN or infinite for a row that holds such.
        cosine: to the untrained reference, NaN without one and for zero rows.
        verdict, confidence: int8, indices into `VERDICTS` and `CONFIDENCES`.
        grade: int8, index into `GRADES`: how far a row called trained has moved; -1 where nothing tells.
        group: int8, index into `GROUPS`.
        duplicate_of: int64, the lowest id with the same values, -1 for a row like no other.
    """

    norm: NDArray[np.float64]
    cosine: NDArray[np.float64]
    verdict: NDArray[np.int8]
    confidence: NDArray[np.int8]
    grade: NDArray[np.int8]
    group: NDArray[np.int8]
    duplicate_of: NDArray[np.int64]


def judged_rows(item: MatrixFacts) -> JudgedRows:
    """The rows of one measured matrix."""
    evidence = item.evidence
    return JudgedRows(
        norm=item.table.norm,
        cosine=evidence.indicators.cosine,
        verdict=evidence.verdict,
        confidence=evidence.confidence,
        grade=grades(evidence),
        group=item.codes,
        duplicate_of=evidence.duplicate_of,
    )
