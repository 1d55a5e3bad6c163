"""What is judged: a table of rows, and what is known of them beside their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import BASE, PLACEHOLDER, UNMAPPED, USED
from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.initial import Start
from rowscope.inspector.evidence.look import Look
from rowscope.inspector.evidence.means import Means, make_means, missed_by
from rowscope.inspector.evidence.pieces import Pieces
from rowscope.inspector.frozen import record
from rowscope.inspector.rows import GroupColumns, RowReader, RowTable
from rowscope.inspector.text import say

Rows = NDArray[np.float64]


@record
class Subject:
    """What is judged.

    Attributes:
        table: the rows, all of the matrix or some; those of `look` are among them.
        columns: column statistics by census group, over the rows of the table.
        codes: int8 [n], the group of each row of the table.
        candidates: rows believed untrained, of the whole matrix.
        look: rows that every judgement reads.
        pieces: what added tokens may have been made of, asked for where one of them looks trained.
        start: what is known of the random start.
        recorded: rows that still hold the bytes that a claim wrote, by id: its recipe in words.
        judged_on: what the table covers, for the report.
    """

    reader: RowReader
    table: RowTable
    columns: GroupColumns
    codes: NDArray[np.int8]
    candidates: Candidates
    look: Look
    pieces: Callable[[], Pieces]
    start: Start
    recorded: Mapping[int, str]
    judged_on: str

    @property
    def whole(self) -> bool:
        return self.table.ids.size == self.reader.rows


def average(subject: Subject, bulk: Rows, places: NDArray[np.int64]) -> tuple[Means, tuple[Rows, int] | None]:
    """Mean rows of the matrix, that of all rows first; and the mean of the used rows with their number.

    From a few rows, with `bulk` float64 [n, d] for the used ones and `places` [n] where these lie, they are
    estimates, and the second is None.
    """
    columns, form = subject.columns, subject.reader.form
    if subject.whole:
        used = weighted(columns.mean, columns.rows, USED)
        every = weighted(columns.mean, columns.rows, tuple(range(columns.rows.size)))
        base = weighted(columns.mean, columns.rows, (BASE,))
        words: tuple[tuple[str, str], ...] = (
            ("mean", say("mean of all rows")),
            ("mean", say("mean of the used rows")),
            ("mean", say("mean of the ordinary rows")),
        )
        means = make_means(words, np.stack([every, used, base]), bulk, form)
        return means, (used, int(columns.rows[list(USED)].sum()))
    used = bulk.mean(axis=0) if len(bulk) else np.zeros(subject.reader.width)
    counts = np.zeros(columns.rows.size, dtype=np.int64)
    counts[UNMAPPED], counts[PLACEHOLDER] = (
        subject.candidates.unmapped.size,
        subject.candidates.placeholder.size,
    )
    counts[BASE] = subject.reader.rows - counts.sum()
    parts = columns.mean.copy()
    parts[BASE] = used
    every = weighted(parts, counts, (UNMAPPED, PLACEHOLDER, BASE))
    words = (("mean", say("mean of all rows")), ("mean", say("mean of the used rows")))
    return make_means(words, np.stack([every, used]), bulk, form, missed_by(bulk, places)), None


def weighted(means: Rows, counts: NDArray[np.int64], groups: tuple[int, ...]) -> Rows:
    """Mean row over some groups, float64 [d], from their means [G, d] and counts [G]; zeros without rows."""
    some = [group for group in groups if counts[group] > 0 and np.isfinite(means[group]).all()]
    if not some:
        return np.zeros(means.shape[1])
    weights = counts[some].astype(np.float64)
    return np.asarray(weights @ means[some] / weights.sum())
