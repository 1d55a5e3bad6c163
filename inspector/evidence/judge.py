"""Verdicts for the rows of one matrix, from its own distributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.blocks import RowReader
from rowscope.inspector.census import USED
from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.cuts import Cut, find_cut
from rowscope.inspector.evidence.indicators import indicators, no_indicators
from rowscope.inspector.evidence.initial import lean, norm_band, trained_subspace
from rowscope.inspector.evidence.model import (
    COLLAPSED,
    HIGH,
    INITIAL,
    LOW,
    MEDIUM,
    NONFINITE,
    TRAINED,
    VANISHING,
    ZERO,
    Indicators,
    MatrixEvidence,
    Reference,
)
from rowscope.inspector.evidence.reference import STRICT, find_reference, near_copies, sample
from rowscope.inspector.rows import RowTable, duplicate_groups, principal_component, project_rows

Progress = Callable[[int], None] | None

# A row has vanished when its norm is this far below the used rows' median ...
_VANISHED: Final = 0.1
# ... and a gap of this factor in the norms lies between it and the rest.
_GAP: Final = 2.0
_FAR: Final = 1e-3

_BUNDLES: Final = 3  # families of near-duplicates beside the reference that are looked for
_COPIES: Final = 3  # a row with this many exact copies was not trained: training never repeats a row
_SAMPLE: Final = 512
_LEAN: Final = 4.0  # standard deviations of a random row's energy in the trained directions
_RARE: Final = 0.2
_FRESH: Final = 0.95


@dataclass
class _Judgement:
    """Working state: one entry per row of the table."""

    reader: RowReader
    table: RowTable
    used: NDArray[np.bool_]
    verdict: NDArray[np.int8]
    confidence: NDArray[np.int8]
    cuts: dict[str, float]
    progress: Progress

    @property
    def open(self) -> NDArray[np.bool_]:
        """Rows without a verdict other than trained so far."""
        return np.asarray(self.verdict == TRAINED)

    def give(self, rows: NDArray[np.bool_], verdict: int, confidence: int | NDArray[np.int8]) -> None:
        self.verdict[rows] = verdict
        self.confidence[rows] = confidence if isinstance(confidence, int) else confidence[rows]

    def of(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.isin(self.table.ids, ids)


def judge(
    reader: RowReader,
    table: RowTable,
    codes: NDArray[np.int8],
    mean: NDArray[np.float64],
    candidates: Candidates,
    *,
    initializer_range: float | None = None,
    judged_on: str = "all rows",
    progress: Progress = None,
) -> MatrixEvidence:
    """Judge every row of `table`.

    Args:
        codes: int8 [n], the group of each row of the table.
        mean: float64 [d], the mean of the matrix's finite rows.
        candidates: rows believed untrained; only those in the table count.
        initializer_range: standard deviation of the random start, where the config tells it.
        judged_on: what the table covers, for the report.
    """
    rows = table.ids.size
    state = _Judgement(
        reader=reader,
        table=table,
        used=np.isin(codes, USED),
        verdict=np.full(rows, TRAINED, dtype=np.int8),
        confidence=np.full(rows, LOW, dtype=np.int8),
        cuts={},
        progress=progress,
    )
    _judge_norms(state)
    group = duplicate_groups(table, reader)
    copies, first = _copies(table.ids, group)
    repeated = state.open & (copies >= _COPIES)
    reference = find_reference(reader, candidates, table.ids[state.open], table.ids[repeated], mean)
    found, residual = no_indicators(rows), float("nan")
    note = _NO_REFERENCE if not candidates.believed.size else _NO_AGREEMENT
    if reference is not None:
        found, residual = _measure(state, reference, mean)
        note = f"reference: {reference.source}"
        kept = _collapse(state, reference, found) if reference.kind == "collapsed" else True
        if not kept:
            reference, found, note = None, no_indicators(rows), _NO_SEPARATION
    state.give(state.open & repeated, COLLAPSED, MEDIUM)
    _judge_near_copies(state, candidates, mean)
    note += _judge_initial(state, reference, initializer_range)
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


def _judge_norms(state: _Judgement) -> None:
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
    median = float(np.median(norm[bulk]))
    limit = _vanishing_limit(np.sort(norm[state.open]), median)
    state.cuts["vanishing_norm"] = limit
    vanished = state.open & (norm <= limit)
    certainty = np.where(norm <= _FAR * median, HIGH, MEDIUM).astype(np.int8)
    state.give(vanished, VANISHING, certainty)


def _vanishing_limit(norms: NDArray[np.float64], median: float) -> float:
    """The largest norm [sorted, n] below a tenth of the median with a gap of a factor of two above it."""
    low = int(np.searchsorted(norms, _VANISHED * median))
    if low == 0 or low == norms.size:
        return 0.0
    steps = norms[1 : low + 1] / np.maximum(norms[:low], np.finfo(np.float64).tiny)
    gaps = np.flatnonzero(steps >= _GAP)
    return float(norms[gaps[-1]]) if gaps.size else 0.0


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


def _measure(state: _Judgement, reference: Reference, mean: NDArray[np.float64]) -> tuple[Indicators, float]:
    # One pass: the residual that it leaves is reported with the evidence.
    component = principal_component(state.reader, state.table, mean, max_passes=1, progress=state.progress)
    vectors = np.stack([reference.centre, mean, component.vector])
    dots = project_rows(state.reader, vectors, ids=_ids(state), progress=state.progress)
    found = indicators(dots, state.table.sumsq, reference.centre, mean, component.vector)
    return found, component.residual


def _ids(state: _Judgement) -> NDArray[np.int64] | None:
    whole = state.table.ids.size == state.reader.rows
    return None if whole else state.table.ids


def _collapse(state: _Judgement, reference: Reference, found: Indicators) -> bool:
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


def _judge_near_copies(state: _Judgement, candidates: Candidates, mean: NDArray[np.float64]) -> None:
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


def _judge_initial(state: _Judgement, reference: Reference | None, start: float | None) -> str:
    """initial: norm like a random start, and no more energy in the trained directions than chance gives."""
    members = state.of(reference.candidates) if reference and reference.kind == "initial" else None
    like = _norm_like_start(state, members, start)
    if like is None or not like.any():
        return ""
    pool = state.table.ids[state.open & state.used & ~like]
    share = float(np.mean(like[state.used])) if state.used.any() else 0.0
    if members is None and share >= _FRESH:
        state.give(like & state.open, INITIAL, MEDIUM)
        return "; nearly every row still has the norm of the random start (config initializer_range)"
    space = trained_subspace(state.reader.decode(sample(pool, _SAMPLE)))
    if space is None:
        return _only_members(state, members, "too few other rows to compare with")
    index = np.flatnonzero(like | (np.arange(like.size) % max(1, like.size // _SAMPLE) == 0))
    dots = project_rows(state.reader, space.basis, ids=state.table.ids[index])
    leaning = np.full(like.size, np.nan)
    leaning[index] = lean(dots, state.table.sumsq[index], space)
    isotropic = like & (leaning <= _LEAN)
    usual = float(np.nanmedian(leaning[state.used & ~like])) if (state.used & ~like).any() else np.nan
    rare = float(np.mean(isotropic[state.used])) <= _RARE if state.used.any() else True
    if not usual > 2 * _LEAN or (members is None and not rare):
        return _only_members(state, members, "trained rows look as isotropic as random ones")
    state.cuts["lean_sigmas"] = _LEAN
    certainty = MEDIUM if members is None else HIGH
    state.give(isotropic & state.open, INITIAL, certainty)
    return ""


def _norm_like_start(
    state: _Judgement, members: NDArray[np.bool_] | None, start: float | None
) -> NDArray[np.bool_] | None:
    if members is not None:
        low, high = norm_band(state.table.norm[members], state.table.width)
        return np.asarray(state.open & (state.table.norm >= low) & (state.table.norm <= high))
    if start is None or not start > 0:
        return None
    width = state.table.width
    near = np.abs(state.table.std / start - 1) <= 5 / np.sqrt(2 * width)
    flat = np.abs(state.table.mean) <= 5 * start / np.sqrt(width)
    return np.asarray(state.open & near & flat)


def _only_members(state: _Judgement, members: NDArray[np.bool_] | None, why: str) -> str:
    if members is None:
        return ""
    state.give(members & state.open, INITIAL, MEDIUM)
    return f"; only the rows believed untrained are called initial: {why}"
