"""The working state of a judgement: verdicts given so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence.look import Look
from rowscope.inspector.evidence.model import TRAINED, Recipe
from rowscope.inspector.rows import RowReader, RowTable

Progress = Callable[[int], None] | None


@dataclass
class Judgement:
    """Working state: one entry per row of the table. Verdicts are given in order; a given one stays.

    Attributes:
        used: bool [n], added and ordinary tokens.
        special: bool [n], rows believed untrained, and added ones.
        whole: whether the table holds all rows of the matrix.
        look: rows that every judgement of the matrix reads.
        towards_mean: float64 [n], cosine to the mean of all rows.
        recipes: how the fresh rows were made, by id.
        unlike: bool [n], believed and added rows that look like no trained row and were not found initial.
        by_chance: fewer of these among the anchors than this mean nothing.
    """

    reader: RowReader
    table: RowTable
    used: NDArray[np.bool_]
    special: NDArray[np.bool_]
    whole: bool
    look: Look
    towards_mean: NDArray[np.float64]
    verdict: NDArray[np.int8]
    confidence: NDArray[np.int8]
    cuts: dict[str, float]
    recipes: dict[int, Recipe]
    progress: Progress
    unlike: NDArray[np.bool_]
    by_chance: float = float("inf")

    @property
    def open(self) -> NDArray[np.bool_]:
        """Rows without a verdict other than trained so far."""
        return np.asarray(self.verdict == TRAINED)

    def give(self, rows: NDArray[np.bool_], verdict: int, confidence: int | NDArray[np.int8]) -> None:
        """Give `rows` (bool [n]) a verdict and a confidence (one, or int8 [n])."""
        self.verdict[rows] = verdict
        self.confidence[rows] = confidence if isinstance(confidence, int) else confidence[rows]

    def of(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool [n]: rows whose id is in `ids`."""
        return np.isin(self.table.ids, ids)

    def ids(self, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Ids of `rows` (bool [n])."""
        return self.table.ids[rows]
