"""Measured facts -> the frozen report."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.audit.judged import judged_rows
from rowscope.inspector.audit.notable import notable_rows
from rowscope.inspector.audit.report import (
    CheckpointFacts,
    FileFacts,
    GroupReport,
    MatrixReport,
    ReferenceFacts,
    Report,
    SpecialTokenReport,
    StorageFacts,
    TableReport,
)
from rowscope.inspector.audit.scope import Coverage, Skipped
from rowscope.inspector.audit.summary import summarise
from rowscope.inspector.census import GROUP_MEMBERS, GROUPS, take_capacity
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.checks import run_checks, token_verdicts
from rowscope.inspector.evidence import GRADES, VERDICTS, Facts, MatrixFacts, other_tools
from rowscope.inspector.header import DTYPE_BITS
from rowscope.inspector.matrices import Table
from rowscope.inspector.text import say


def compose(facts: Facts, skipped: tuple[Skipped, ...]) -> Report:
    """The report on measured facts; its timings are still empty."""
    findings = run_checks(facts)
    capacity = take_capacity(facts.checkpoint, facts.vocabulary, facts.census)
    matrices = tuple(_matrix_report(facts, item) for item in facts.matrices)
    return Report(
        checkpoint=_checkpoint_facts(facts.checkpoint),
        census=facts.census,
        capacity=capacity,
        matrices=matrices,
        tables=tuple(_table_report(table) for table in _tables(facts)),
        special_tokens=_special_tokens(facts, matrices),
        findings=findings,
        coverage=Coverage(
            rows_scanned=sum(item.matrix.rows for item in facts.matrices),
            bytes_read=sum(item.matrix.nbytes for item in facts.matrices),
            skipped=skipped,
            requests=sum(traffic.requests for traffic in facts.checkpoint.traffic),
            bytes_fetched=sum(traffic.fetched for traffic in facts.checkpoint.traffic),
        ),
        notes=_notes(facts),
        complete=not any(skip.affects for skip in skipped),
        summary=summarise(facts, capacity.rounding),
        timings={},
        vocabulary=facts.vocabulary,
    )


def _checkpoint_facts(checkpoint: Checkpoint) -> CheckpointFacts:
    return CheckpointFacts(
        path=checkpoint.path,
        files=tuple(
            FileFacts(shard.name, shard.header.file_bytes, shard.header_sha256())
            for shard in checkpoint.shards
        ),
        bytes=checkpoint.bytes,
        tensors=len(checkpoint.tensors),
        parameters=checkpoint.parameters,
        model_type=checkpoint.model_type,
        architectures=checkpoint.architectures,
        quantization=checkpoint.quantization,
        notes=(*checkpoint.notes, *_storage_notes(checkpoint)),
    )


def _storage_notes(checkpoint: Checkpoint) -> tuple[str, ...]:
    packed = [matrix.packed for matrix in checkpoint.matrices if matrix.packed is not None]
    return tuple(note for table in packed for note in table.notes)


def _notes(facts: Facts) -> tuple[str, ...]:
    """What the readers have to say: of the checkpoint, of packed tables, of the tokenizer's files."""
    own = facts.vocabulary.notes if facts.vocabulary else ()
    return tuple(dict.fromkeys((*facts.checkpoint.notes, *_storage_notes(facts.checkpoint), *own)))


def _matrix_report(facts: Facts, item: MatrixFacts) -> MatrixReport:
    reference = item.evidence.reference
    rows = judged_rows(item)
    return MatrixReport(
        role=item.matrix.role,
        tensor=item.matrix.tensor,
        file=item.matrix.file,
        dtype=item.matrix.dtype,
        shape=item.matrix.shape,
        found_by=item.matrix.rule,
        storage=None if item.matrix.packed is None else item.matrix.packed.storage,
        groups={name: _group_report(item, name, rows.grade) for name in item.stats},
        reference=None
        if reference is None
        else ReferenceFacts(reference.kind, reference.source, reference.rows, reference.spread),
        reference_note=item.evidence.note,
        cuts=item.evidence.cuts,
        mean_shift=item.mean_shift,
        weight_decay=item.weight_decay,
        notable_rows=notable_rows(facts, item),
        other_tools=other_tools(item),
        rows=rows,
    )


def _tables(facts: Facts) -> tuple[Table, ...]:
    """Every vocabulary table; of one that is stored twice the first has both roles, as it is judged."""
    tables = facts.checkpoint.tables
    if facts.census.tie_source != "same-bytes" or len(tables) < 2:
        return tables
    first, second, *rest = tables
    copy = dataclasses.replace(second, note=say("the same bytes as {tensor}", tensor=first.matrix.tensor))
    return (dataclasses.replace(first, role="both"), copy, *rest)


def _table_report(table: Table) -> TableReport:
    rows, width = table.matrix.shape
    packed = table.matrix.packed
    if packed is None:
        storage = StorageFacts(table.matrix.packing or "plain", DTYPE_BITS[table.matrix.dtype], None)
    else:
        storage = StorageFacts(packed.format, packed.bits or None, packed.group)
    return TableReport(table.matrix.tensor, table.role, rows, width, table.vocabulary, table.note, storage)


def _group_report(item: MatrixFacts, group: str, grade: NDArray[np.int8]) -> GroupReport:
    members = np.isin(item.codes, GROUP_MEMBERS[group])
    counts = np.bincount(item.evidence.verdict[members], minlength=len(VERDICTS))
    verdicts = dict(zip(VERDICTS, counts.tolist(), strict=True))
    if not (grade >= 0).any():
        return GroupReport(item.stats[group], verdicts, {})
    moved = np.bincount(grade[members & (grade >= 0)], minlength=len(GRADES))
    return GroupReport(item.stats[group], verdicts, dict(zip(GRADES, moved.tolist(), strict=True)))


_FLAGS: Final = ("special", "normalized", "lstrip", "rstrip", "single_word")


def _flags(facts: Facts, id: int) -> tuple[str, ...]:
    added = facts.vocabulary.added.get(id) if facts.vocabulary else None
    return () if added is None else tuple(flag for flag in _FLAGS if getattr(added, flag))


def _uses(facts: Facts) -> dict[str, set[int]]:
    """What the chat template, generation and the tokenizer do with ids by themselves."""
    stops, vocabulary = facts.stops, facts.vocabulary
    turns = stops.turns if stops else None
    contents = {} if vocabulary is None else {token.content: id for id, token in vocabulary.added.items()}
    return {
        "template": {token.id for token in facts.tokens if "chat_template" in token.roles},
        "stops": set(stops.ids) if stops else set(),
        "ends answer": {contents[end] for end in (turns.ends if turns else ()) if end in contents},
        "ends call": {contents[end] for end in (turns.after_call or () if turns else ()) if end in contents},
        "inserted": {item.id for item in vocabulary.insertions} if vocabulary else set(),
    }


def _grades(matrices: Sequence[MatrixReport], id: int) -> dict[str, str | None]:
    """How far a token's row in the matrix of either role has moved; None where nothing tells."""
    found: dict[str, str | None] = {}
    for role in ("input", "output"):
        rows = next((m.rows for m in matrices if m.role in (role, "both")), None)
        told = -1 if rows is None or id >= rows.grade.size else rows.grade[id]
        found[role] = GRADES[told] if told >= 0 else None
    return found


def _special_tokens(facts: Facts, matrices: Sequence[MatrixReport]) -> tuple[SpecialTokenReport, ...]:
    uses = _uses(facts)
    return tuple(
        SpecialTokenReport(
            id=token.id,
            token=token.token,
            text=facts.vocabulary.text(token.id) if facts.vocabulary else None,
            group=GROUPS[facts.census.codes[token.id]] if token.id < facts.census.rows else None,
            roles=token.roles,
            sources=token.sources,
            special=token.special,
            flags=_flags(facts, token.id),
            uses=tuple(use for use, ids in uses.items() if token.id in ids),
            verdict=token_verdicts(facts, token.id),
            grade=_grades(matrices, token.id),
        )
        for token in facts.tokens
    )
