"""Verdicts for the rows of one matrix, from its own distributions."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import union
from rowscope.inspector.census import USED
from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.collapse import (
    judge_collapse,
    judge_copies,
    judge_families,
    judge_relatives,
    on_references,
    unit_without,
    upright,
)
from rowscope.inspector.evidence.fresh import judge_claimed, judge_copied, judge_means, judge_pieces
from rowscope.inspector.evidence.grain import beyond_noise, less_sure, proven_copies
from rowscope.inspector.evidence.indicators import distance, indicators, no_indicators
from rowscope.inspector.evidence.initial import judge_added, judge_untouched, like_start
from rowscope.inspector.evidence.isotropy import trained_rows
from rowscope.inspector.evidence.look import Ids, among
from rowscope.inspector.evidence.means import Means
from rowscope.inspector.evidence.model import (
    LOW,
    MEDIUM,
    TRAINED,
    VANISHING,
    Indicators,
    MatrixEvidence,
    Reference,
    unknown,
)
from rowscope.inspector.evidence.norms import judge_norms
from rowscope.inspector.evidence.reference import find_references
from rowscope.inspector.evidence.sources import Source
from rowscope.inspector.evidence.state import Judgement, Progress
from rowscope.inspector.evidence.subject import Subject, average
from rowscope.inspector.rows import (
    check_component,
    duplicate_groups,
    project_rows,
    sample_component,
)
from rowscope.inspector.text import joined, say

Rows = NDArray[np.float64]

# Rows of the kernel that multiplies rows with vectors: it takes three at a time.
_AT_ONCE: Final = 3

_NO_REFERENCE: Final = say(
    "no reference: no row is known to be untrained (no unmapped row, placeholder or impossible byte), "
    "so no collapse verdict is given"
)
_NO_AGREEMENT: Final = say(
    "no reference: the rows believed untrained neither lie together nor apart from the used rows, so no "
    "collapse verdict is given"
)


def judge(subject: Subject, progress: Progress = None) -> MatrixEvidence:
    """Judge every row of the table.

    Every threshold comes from the rows of `look`, which are the same whatever else is judged: few rows
    and all rows get the same verdicts, except for what only all rows can show (exact copies).

    Raises:
        PartialLook: a row lies so near to the mean that the whole matrix must be read.
    """
    state = _begin(subject, progress)
    judge_norms(state)
    judge_claimed(state, subject.recorded)
    ids = among(subject.look.bulk, state.ids(state.open))
    bulk = state.reader.decode(ids)
    where = subject.look.places[np.searchsorted(subject.look.bulk, ids)]
    means, used = average(subject, bulk, where)
    references = find_references(_sources(subject, state), bulk, means, subject.candidates)
    references = references or _repeated(subject, state, bulk, means)
    references = tuple(beyond_noise(reference, state.reader) for reference in references)
    found, distances, residual = _measure(state, references, means.rows[0])
    if references:
        references = (_counted(state, references[0], distances[:, 0], subject.candidates), *references[1:])
    each = on_references(references, distances, state.table.norm)
    lying = np.asarray(each.any(axis=1))
    judge_means(state, means, bulk, used, lying)
    places = np.searchsorted(state.table.ids, ids)
    apart = ~lying[places] & ~state.special[places]
    trained = cache(lambda: trained_rows(bulk[apart], ids[apart], where[apart]))
    near = like_start(state, subject.start.std)
    judge_added(state, near, trained, upright(references, distances, state.table.norm))
    if references:
        judge_collapse(state, references, distances, each)
    group = duplicate_groups(state.table, state.reader)
    unit = references[0].bulk if references else unit_without(bulk)
    proven, exact = proven_copies(state, group, unit)
    donors = judge_copies(state, proven)
    if exact:
        judge_copied(state, donors)
    kin = among(subject.look.kin, state.ids(state.open))
    judge_pieces(state, subject.candidates.added, subject.pieces)
    _families(state, kin, unit)
    initial, remark = None, ""
    if not references:
        initial, remark = judge_untouched(state, subject.candidates, near, trained(), subject.start)
    if initial is not None:
        found, _, residual = _measure(state, (initial,), means.rows[0])
    reference = references[0] if references else initial
    copies, first = _copies(state.table.ids, group)
    _doubt(state)
    if not state.whole:
        _cautious(state)
    less_sure(state)
    return MatrixEvidence(
        verdict=state.verdict,
        confidence=state.confidence,
        indicators=found,
        duplicates=copies,
        duplicate_of=first,
        reference=reference,
        note=joined("; ", [_note(subject.candidates, reference), *([remark] if remark else [])]),
        cuts=state.cuts,
        pc1_residual=residual,
        judged_on=subject.judged_on,
        displacement=distances[:, 0] / references[0].bulk if references else unknown(len(copies)),
        recipes=state.recipes,
    )


def _begin(subject: Subject, progress: Progress) -> Judgement:
    table, rows = subject.table, subject.table.ids.size
    special = union(subject.candidates.believed, subject.candidates.added)
    return Judgement(
        reader=subject.reader,
        table=table,
        used=np.isin(subject.codes, USED),
        special=np.isin(table.ids, special),
        whole=subject.whole,
        look=subject.look,
        towards_mean=unknown(rows),
        verdict=np.full(rows, TRAINED, dtype=np.int8),
        confidence=np.full(rows, LOW, dtype=np.int8),
        cuts={},
        recipes={},
        progress=progress,
        unlike=np.zeros(rows, dtype=np.bool_),
    )


def _sources(subject: Subject, state: Judgement) -> list[Source]:
    """The beliefs, each apart; and what counts only where it is copies: added tokens."""
    judged = state.ids(state.open)
    sources = []
    for name, ids in subject.look.sources.items():
        there = among(ids, judged)
        sources.append(Source(name, there, state.reader.decode(there)))
    there = among(subject.look.added, judged)
    sources.append(Source("added", there, state.reader.decode(there), believed=False))
    return sources


def _repeated(subject: Subject, state: Judgement, bulk: Rows, means: Means) -> tuple[Reference, ...]:
    """References of near-copies among ordinary rows, which trained ones are not; where no belief gave one."""
    ids = among(subject.look.repeated, state.ids(state.open))
    source = Source("repeated", ids, state.reader.decode(ids), believed=False)
    found = find_references([source], bulk, means, subject.candidates)
    return tuple(dataclasses.replace(reference, certainty=MEDIUM) for reference in found)


def _measure(
    state: Judgement, references: tuple[Reference, ...], mean: Rows
) -> tuple[Indicators, Rows, float]:
    """Indicators against the first reference, distances [n, k] to all, and what the component leaves.

    One pass over the rows for all products, and none without a reference.
    """
    rows = state.table.ids.size
    if not references:
        return no_indicators(rows), np.empty((rows, 0)), float("nan")
    vector = sample_component(state.reader, state.table, mean)
    lead, *others = (reference.centre for reference in references)
    padding = [np.zeros_like(mean)] * (-len(others) % _AT_ONCE)
    dots, power = project_rows(
        state.reader,
        np.stack([*others, *padding, lead, mean, vector]),
        ids=None if state.whole else state.table.ids,
        progress=state.progress,
        accumulate_power=True,
    )
    with np.errstate(all="ignore"):
        state.towards_mean = dots[:, -2] / (state.table.norm * np.linalg.norm(mean))
    component = check_component(vector, power, state.table, mean)
    found = indicators(dots[:, -3:], state.table.sumsq, lead, mean, component.vector)
    away = [distance(dots[:, at], state.table.sumsq, float(u @ u)) for at, u in enumerate(others)]
    return found, np.stack([found.distance, *away], axis=1), component.residual


def _counted(state: Judgement, lead: Reference, away: Rows, candidates: Candidates) -> Reference:
    """The reference with all believed rows that lie on it, where all have been looked at."""
    ids = state.ids(state.open & (away <= lead.cut) & state.of(candidates.believed))
    if not state.whole or ids.size < lead.rows:
        return lead
    return dataclasses.replace(lead, rows=int(ids.size), source=candidates.describe(ids))


def _families(state: Judgement, kin: Ids, unit: float) -> None:
    """Families, and what other rows lie in them: a further pass, only where there are any."""
    centres = judge_families(state, kin, unit)
    if not centres:
        return
    padding = [np.zeros_like(centres[0])] * (-len(centres) % _AT_ONCE)
    ids = None if state.whole else state.table.ids
    dots = project_rows(state.reader, np.stack([*centres, *padding]), ids=ids, progress=state.progress)
    away = [distance(dots[:, at], state.table.sumsq, float(u @ u)) for at, u in enumerate(centres)]
    judge_relatives(state, np.stack(away, axis=1), unit)


def _doubt(state: Judgement) -> None:
    """Rows that lean on nothing that training makes are not surely trained, wherever they lie; where they are
    many, they are of a kind that was not found, and ordinary rows may be of it."""
    unlike = state.open & state.unlike
    many = np.count_nonzero(unlike & state.of(state.look.anchors)) >= state.by_chance
    doubtful = state.open if many else unlike
    state.confidence[doubtful] = np.minimum(state.confidence[doubtful], MEDIUM)


def _cautious(state: Judgement) -> None:
    """Of a partial look: whether a special row equals another one is not known, nor where norms have gaps."""
    doubtful = (state.special & state.open) | (state.verdict == VANISHING)
    state.confidence[doubtful] = np.minimum(state.confidence[doubtful], MEDIUM)


def _note(candidates: Candidates, reference: Reference | None) -> str:
    if reference is None:
        return _NO_AGREEMENT if any(ids.size for ids in candidates.sources.values()) else _NO_REFERENCE
    return say("reference: {source}", source=reference.source)


def _copies(ids: Ids, group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many other rows equal each row, and the lowest id that does (-1 for none)."""
    copies = np.zeros(ids.size, dtype=np.int64)
    first = np.full(ids.size, -1, dtype=np.int64)
    member = group >= 0
    if member.any():
        numbers = group[member]  # from 0, without a gap
        counts = np.bincount(numbers)
        copies[member] = (counts - 1)[numbers]
        lowest = np.full(counts.size, np.iinfo(np.int64).max)
        np.minimum.at(lowest, numbers, ids[member])
        first[member] = lowest[numbers]
    return copies, first
