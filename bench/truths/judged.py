"""Verdicts of rowscope on a checkpoint, through its public names, and how far they are from the truth."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.truths.ground import Ids, Truth

UNTRAINED: Final = ("initial", "collapsed", "vanishing", "zero", "fresh")


@dataclass(frozen=True, slots=True)
class Judged:
    """One entry a row of one matrix; `columns` holds what else the table tells, by name."""

    verdict: NDArray[np.object_]
    confidence: NDArray[np.object_]
    token: NDArray[np.object_]
    columns: dict[str, NDArray[Any]]
    note: str

    @property
    def flagged(self) -> NDArray[np.bool_]:
        return np.isin(self.verdict, UNTRAINED)


@dataclass(frozen=True, slots=True)
class Score:
    """Recall among the surely untrained rows, false rate among the surely trained ones, the wrong rows."""

    name: str
    matrix: str
    untrained: int
    trained: int
    missed: Ids
    false: Ids

    @property
    def recall(self) -> float:
        return 1 - self.missed.size / self.untrained if self.untrained else float("nan")

    @property
    def false_rate(self) -> float:
        return self.false.size / self.trained if self.trained else float("nan")


def judge(path: Path | str, role: str = "input") -> Judged:
    """Verdicts on all rows of the matrix of a role."""
    import rowscope

    table = rowscope.row_table(os.fspath(path), role=role, evidence=True, full=True)
    return Judged(table.verdict, table.confidence, table.token, table.columns, table.note)


def score(name: str, matrix: str, judged: Judged, truth: Truth) -> Score:
    """Compare verdicts with the truth; rows beyond the truth's do not count."""
    flagged = judged.flagged
    missed = truth.untrained[~flagged[truth.untrained]]
    false = truth.trained[flagged[truth.trained]]
    return Score(name, matrix, truth.untrained.size, truth.trained.size, missed, false)


def lines(judged: Judged, ids: Ids) -> list[tuple[str, ...]]:
    """Cells for each wrong row: id, token, verdict, confidence, and the numbers of its evidence."""
    wanted = [n for n in ("norm", "cosine_to_reference", "displacement", "duplicates") if n in judged.columns]
    found = []
    for id in ids.tolist():
        numbers = [f"{judged.columns[name][id]:.4g}" for name in wanted]
        token = repr(judged.token[id]).replace("|", "\\|").replace("`", "'")
        found.append((str(id), token, judged.verdict[id], judged.confidence[id], *numbers))
    return found


def header(judged: Judged) -> tuple[str, ...]:
    """Names for the cells of `lines`."""
    wanted = [n for n in ("norm", "cosine_to_reference", "displacement", "duplicates") if n in judged.columns]
    return ("id", "token", "verdict", "confidence", *wanted)
