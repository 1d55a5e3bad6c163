"""Verdicts for the rows of one matrix, from its own distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import USED
from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.collapse import judge_collapse, judge_near_copies
from rowscope.inspector.evidence.indicators import indicators, no_indicators
from rowscope.inspector.evidence.initial import judge_initial
from rowscope.inspector.evidence.model import (
    COLLAPSED,
    FRESH,
    LOW,
    MEDIUM,
    TRAINED,
    Indicators,
    MatrixEvidence,
    Recipe,
    Reference,
)
from rowscope.inspector.evidence.norms import judge_norms
from rowscope.inspector.evidence.reference import find_reference
from rowscope.inspector.evidence.state import Judgement, Progress
from rowscope.inspector.rows import (
    RowReader,
    RowTable,
    check_component,
    duplicate_groups,
    project_rows,
    sample_component,
)

# A row with this many exact copies was not trained: training never repeats a row.
_COPIES: Final = 3


def judge(
    reader: RowReader,
    table: RowTable,
    codes: NDArray[np.int8],
    mean: NDArray[np.float64],
    candidates: Candidates,
    *,
    initializer_range: float | None = None,
    judged_on: str = "all rows",
    recorded: Mapping[int, str] | None = None,
    progress: Progress = None,
) -> MatrixEvidence:
    """Judge every row of `table`.

    Args:
        codes: int8 [n], the group of each row of the table.
        mean: float64 [d], the mean of the matrix's finite rows.
        candidates: rows believed untrained; only those in the table count.
        initializer_range: standard deviation of the random start, where the config tells it.
        judged_on: what the table covers, for the report.
        recorded: rows that still hold the bytes that a claim wrote, by id: its recipe in words.
    """
    rows = table.ids.size
    state = Judgement(
        reader=reader,
        table=table,
        used=np.isin(codes, USED),
        verdict=np.full(rows, TRAINED, dtype=np.int8),
        confidence=np.full(rows, LOW, dtype=np.int8),
        cuts={},
        progress=progress,
    )
    judge_norms(state)
    recipes = _claimed(state, recorded or {})
    group = duplicate_groups(table, reader)
    copies, first = _copies(table.ids, group)
    repeated = state.open & (copies >= _COPIES)
    reference = find_reference(reader, candidates, table.ids[state.open], table.ids[repeated], mean)
    found, residual = no_indicators(rows), float("nan")
    note = _NO_REFERENCE if not candidates.believed.size else _NO_AGREEMENT
    if reference is not None:
        found, residual = _measure(state, reference, mean)
        note = f"reference: {reference.source}"
        kept = judge_collapse(state, reference, found) if reference.kind == "collapsed" else True
        if not kept:
            reference, found, note = None, no_indicators(rows), _NO_SEPARATION
    state.give(state.open & repeated, COLLAPSED, MEDIUM)
    judge_near_copies(state, candidates, mean)
    note += judge_initial(state, reference, initializer_range)
    return MatrixEvidence(
        state.verdict,
        state.confidence,
        found,
        copies,
        first,
        reference,
        note,
        state.cuts,
        residual,
        judged_on,
        recipes,
    )


_NO_REFERENCE: Final = (
    "no reference: no row is known to be untrained (no unmapped row, placeholder or impossible byte), "
    "so no collapse verdict is given"
)
_NO_AGREEMENT: Final = (
    "no reference: the rows believed untrained do not agree with each other, so no collapse verdict is given"
)
_NO_SEPARATION: Final = (
    "no reference: the rows believed untrained look like the used rows, so no collapse verdict is given"
)


def _claimed(state: Judgement, recorded: Mapping[int, str]) -> dict[int, Recipe]:
    """fresh: rows that hold what a claim wrote."""
    rows = state.open & state.of(np.array(sorted(recorded), dtype=np.int64))
    state.give(rows, FRESH, MEDIUM)
    return {
        id: Recipe("claim", f"claimed, still its initial value ({recorded[id]})")
        for id in state.table.ids[rows].tolist()
    }


def _copies(ids: NDArray[np.int64], group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many other rows equal each row, and the lowest id that does (-1 for none)."""
    copies = np.zeros(ids.size, dtype=np.int64)
    first = np.full(ids.size, -1, dtype=np.int64)
    member = group >= 0
    if member.any():
        _, inverse, counts = np.unique(group[member], return_inverse=True, return_counts=True)
        copies[member] = counts[inverse] - 1
        lowest = np.full(counts.size, np.iinfo(np.int64).max)
        np.minimum.at(lowest, inverse, ids[member])
        first[member] = lowest[inverse]
    return copies, first


def _measure(state: Judgement, reference: Reference, mean: NDArray[np.float64]) -> tuple[Indicators, float]:
    vector = sample_component(state.reader, state.table, mean)
    # One pass for the products and for what the component of a sample leaves as a residual.
    dots, power = project_rows(
        state.reader,
        np.stack([reference.centre, mean, vector]),
        ids=_ids(state),
        progress=state.progress,
        accumulate_power=True,
    )
    component = check_component(vector, power, state.table, mean)
    found = indicators(dots, state.table.sumsq, reference.centre, mean, component.vector)
    return found, component.residual


def _ids(state: Judgement) -> NDArray[np.int64] | None:
    whole = state.table.ids.size == state.reader.rows
    return None if whole else state.table.ids
