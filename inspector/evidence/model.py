"""What evidence is made of: verdicts, the untrained reference, one entry per judged row."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import in_full
from rowscope.inspector.frozen import record
from rowscope.inspector.text import say

VERDICTS: Final = (
    "trained",
    "initial",
    "collapsed",
    "vanishing",
    "zero",
    "nonfinite",
    "fresh",
    "damaged",
)
TRAINED, INITIAL, COLLAPSED, VANISHING, ZERO, NONFINITE, FRESH, DAMAGED = range(8)

CONFIDENCES: Final = ("low", "medium", "high")
LOW, MEDIUM, HIGH = range(3)

SHARE: Final = 0.10
"""How far, in units of the used rows' median distance, a row may have moved and still be untrained."""


def unknown(rows: int) -> NDArray[np.float64]:
    """NaN for each of n rows, float64 [n]: read-only, and no longer in memory than one."""
    return np.broadcast_to(np.float64(np.nan), (rows,))


@record
class Reference:
    """What untrained rows of a matrix look like.

    Attributes:
        kind: "collapsed" (they share a place) or "initial" (independent random rows: `centre` is
            their near-zero median, and only norm and isotropy speak).
        source: which candidates it rests on, in words.
        rows: how many of them.
        spread: median of 1 - cosine of those rows to the centre.
        centre: float64 [d].
        candidates: int64 ids of the rows whose coordinate median the centre is, sorted.
        bulk: median distance of the used rows to the centre: the unit of displacements.
        radius: median distance of the reference's rows to the centre.
        edge: distance up to which the reference's own rows scatter.
        along: how far the projection of an untrained row onto the centre's direction may be from the centre:
            infinite but for a reference whose rows scatter as noise does, which has little of it in any one
            direction.
        certainty: the best confidence that a verdict resting on it can have, an index into `CONFIDENCES`.
    """

    kind: str
    source: str
    rows: int
    spread: float
    centre: NDArray[np.float64]
    candidates: NDArray[np.int64]
    bulk: float = float("nan")
    radius: float = float("nan")
    edge: float = float("nan")
    along: float = float("inf")
    certainty: int = HIGH

    @property
    def cut(self) -> float:
        """Rows at most this far from the centre are untrained."""
        return float(np.hypot(self.edge, SHARE * self.bulk))


@record
class Indicators:
    """Land & Bartolo's indicators (arXiv 2405.05417), float64 [n]; NaN without a reference.

    `cosine`: cosine to the reference. `centred`: the same after subtracting the matrix mean from both.
    `without_pc1`: the same after removing the first principal component. `distance`: L2 distance.
    """

    cosine: NDArray[np.float64]
    centred: NDArray[np.float64]
    without_pc1: NDArray[np.float64]
    distance: NDArray[np.float64]


@record
class Recipe:
    """How a fresh row got its value.

    Attributes:
        kind: "mean" (of all rows), "trained-mean" (of the trained rows), "normal" (mean plus a sliver of
            noise), "pieces" (mean of the rows of its text's pieces), "copy" (of another row), "claim" (what
            a claim's record says).
        words: the recipe for people: `mean of all rows`.
        donors: ids of the rows it was made of, where they are few; empty for a mean of all.
    """

    kind: str
    words: str
    donors: tuple[int, ...] = ()


@record
class MatrixEvidence:
    """Verdicts of one matrix, one entry per row of the table that was judged.

    Attributes:
        verdict: int8 [n], index into `VERDICTS`.
        confidence: int8 [n], index into `CONFIDENCES`.
        indicators: what the collapse verdicts rest on.
        duplicates: int64 [n], how many other judged rows have the same values.
        duplicate_of: int64 [n], the lowest id with the same values, -1 for a row like no other.
        reference: None where nothing in the checkpoint tells how untrained rows look.
        note: in words, which reference was taken or why there is none.
        cuts: the thresholds used, by indicator.
        pc1_residual: relative residual of the first principal component, NaN where none was computed.
        judged_on: "all rows", or what a partial judgement rests on.
        displacement: float64 [n], distance to the reference in units of the used rows' median distance: 0
            where untrained rows lie, 1 for a row that moved as far as a typical token; NaN without a
            collapsed reference.
        recipes: how each fresh row was made, by row id; only rows with the verdict `fresh`.
    """

    verdict: NDArray[np.int8]
    confidence: NDArray[np.int8]
    indicators: Indicators
    duplicates: NDArray[np.int64]
    duplicate_of: NDArray[np.int64]
    reference: Reference | None
    note: str
    cuts: Mapping[str, float]
    pc1_residual: float
    judged_on: str
    displacement: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.empty(0))
    recipes: Mapping[int, Recipe] = dataclasses.field(default_factory=dict)

    def take(self, index: NDArray[np.int64]) -> MatrixEvidence:
        """The entries at positions `index`; where these are all of them in order, the same."""
        if in_full(index, self.verdict.size):
            return self
        found = self.indicators
        return dataclasses.replace(
            self,
            verdict=self.verdict[index],
            confidence=self.confidence[index],
            indicators=Indicators(
                found.cosine[index], found.centred[index], found.without_pc1[index], found.distance[index]
            ),
            duplicates=self.duplicates[index],
            duplicate_of=self.duplicate_of[index],
            displacement=self.displacement[index],
        )

    @property
    def untrained(self) -> NDArray[np.bool_]:
        """bool [n]: any verdict but `trained`; of damaged rows nobody knows."""
        return np.asarray((self.verdict != TRAINED) & (self.verdict != DAMAGED))

    def lost(self, file: str) -> str:
        """What to know of damaged rows, for people; empty where none is."""
        count = int(np.sum(self.verdict == DAMAGED))
        if not count:
            return ""
        return say(
            "{count} of these rows {count:lies|lie} in a missing piece of {file!r} (FIL005), so nothing "
            "tells: download the file again",
            count=count,
            file=file,
        )

    def without(self, damaged: NDArray[np.bool_]) -> MatrixEvidence:
        """The same with the rows `damaged` (bool [n]) not judged: their bytes never arrived."""
        if not damaged.any():
            return self
        return dataclasses.replace(
            self,
            verdict=np.where(damaged, np.int8(DAMAGED), self.verdict),
            confidence=np.where(damaged, np.int8(HIGH), self.confidence),
        )
