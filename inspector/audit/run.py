"""The audit: headers, tokenizer, matrices and checks composed into one frozen report."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.audit.compose import compose
from rowscope.inspector.audit.report import Report
from rowscope.inspector.audit.scope import Skipped
from rowscope.inspector.census import Census, roled_tokens, take_census
from rowscope.inspector.checkpoint import Checkpoint, focused, no_matrix, open_checkpoint, table_named
from rowscope.inspector.errors import TokenizerError, UndecodableError
from rowscope.inspector.evidence import Facts, MatrixFacts, measure_matrix, read_stops, split_markers
from rowscope.inspector.matrices import Table
from rowscope.inspector.rows import draft_tokens, expect_tables
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary import Vocabulary, expect_vocabulary, read_vocabulary, renumbered

__all__ = ["Report", "audit"]

Progress = Callable[[int], None] | None

_REACHABILITY: Final = Skipped(
    say("reachability"), say("not asked for: it loads the tokenizer; use --reachability"), affects=False
)


def audit(
    checkpoint: Checkpoint | str | os.PathLike[str],
    *,
    base: str | os.PathLike[str] | None = None,
    reachability: bool = False,
    matrix: str | None = None,
    progress: Progress = None,
) -> Report:
    """Audit a checkpoint's vocabulary rows from its files alone.

    Args:
        checkpoint: an opened checkpoint, or a path for `open_checkpoint`.
        base: where the path is a PEFT adapter, the model that it was trained on.
        reachability: also test which tokens any text can produce (extra `tokenizer`).
        matrix: judge this vocabulary table alone, by its tensor's name; what nothing names is judged
            without tokens, and nothing is said of ties, sizes and special ids.
        progress: called with the number of rows finished since the last call.

    Raises:
        UsageError: no vocabulary table is called `matrix`.
        CheckpointError: the path cannot be opened (see `open_checkpoint`).
        NoMatrixError: no tensor is a vocabulary matrix.
        MissingExtraError: `reachability` without the extra `tokenizer`.
    """
    clock = _Clock()
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = open_checkpoint(checkpoint, base=base)
        clock.lap("headers")
    table = None if matrix is None else table_named(checkpoint, matrix)
    if table is not None:
        checkpoint = focused(checkpoint, table)
    if not checkpoint.matrices:
        raise no_matrix(checkpoint)
    skipped = [Skipped(skip.what, skip.why) for skip in checkpoint.skipped]
    if checkpoint.lone_shard is not None:
        number, count = checkpoint.lone_shard
        why = say(
            "PATH is shard {number:d} of {count}; give the folder or its index to audit all of them",
            number=number,
            count=count,
        )
        skipped.append(Skipped(say("other shards"), why))
    expect_vocabulary(checkpoint.tokenizer_folder)
    expect_tables(checkpoint.matrices)
    vocabulary = _vocabulary(checkpoint, skipped, table)
    census = take_census(checkpoint.layout, vocabulary, checkpoint.config)
    clock.lap("tokenizer")
    unreachable = _unreachable(checkpoint, vocabulary, reachability, skipped)
    clock.lap("reachability")
    matrices = _measure(checkpoint, vocabulary, census, unreachable, skipped, progress)
    census, matrices = _same_bytes(census, matrices)
    clock.lap("rows")
    tokens = roled_tokens(vocabulary, *checkpoint.declaring)
    facts = Facts(checkpoint, vocabulary, census, tokens, matrices, unreachable)
    facts = facts if table is not None else _with_conversation(facts)
    report = compose(facts, tuple(skipped))
    clock.lap("findings")
    return dataclasses.replace(report, timings=clock.seconds())


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._laps[stage] = now - self._last
        self._last = now

    def seconds(self) -> Mapping[str, float]:
        return {**self._laps, "total": self._last - self._start}


def _vocabulary(checkpoint: Checkpoint, skipped: list[Skipped], table: Table | None) -> Vocabulary | None:
    if table is not None and table.vocabulary is None:
        why = say(
            "no tokenizer names the rows of {tensor} ({note})",
            tensor=table.matrix.tensor,
            note=table.note or say("its own vocabulary"),
        )
        skipped.append(Skipped(say("tokenizer"), why, affects=False))
        return None
    try:
        vocabulary = read_vocabulary(checkpoint.tokenizer_folder)
    except TokenizerError as error:
        skipped.append(Skipped(say("tokenizer"), error.message))
        return None
    if vocabulary is None:
        skipped.append(
            Skipped(
                say("tokenizer"),
                say("no tokenizer files beside the weights: no row is known to be reserved"),
            )
        )
    if vocabulary is not None and table is not None and table.vocabulary == "draft":
        return renumbered(vocabulary, draft_tokens(table))
    return vocabulary


def _with_conversation(facts: Facts) -> Facts:
    """With what templates and configs say of conversations, where generated ids are rows of the matrices."""
    vocabulary, checkpoint = facts.vocabulary, facts.checkpoint
    if vocabulary is None or checkpoint.layout.generates_elsewhere:
        return facts
    stops = read_stops(checkpoint, vocabulary)
    markers = split_markers(checkpoint.tokenizer_folder, vocabulary, stops.turns)
    return dataclasses.replace(facts, stops=stops, markers=markers)


def _unreachable(
    checkpoint: Checkpoint, vocabulary: Vocabulary | None, asked: bool, skipped: list[Skipped]
) -> NDArray[np.int64] | None:
    if not asked:
        skipped.append(_REACHABILITY)
        return None
    if vocabulary is None:
        return None
    from rowscope.inspector.evidence import unreachable_ids

    try:
        return unreachable_ids(checkpoint.tokenizer_folder, vocabulary)
    except TokenizerError as error:
        skipped.append(Skipped(say("reachability"), error.message))
        return None


def _measure(
    checkpoint: Checkpoint,
    vocabulary: Vocabulary | None,
    census: Census,
    unreachable: NDArray[np.int64] | None,
    skipped: list[Skipped],
    progress: Progress,
) -> tuple[MatrixFacts, ...]:
    found = []
    for matrix in checkpoint.matrices:
        try:
            found.append(
                measure_matrix(
                    matrix, checkpoint, vocabulary, census.codes, unreachable=unreachable, progress=progress
                )
            )
        except UndecodableError as error:
            skipped.append(Skipped(say("{name}", name=matrix.tensor), error.message))
    return tuple(found)


def _same_bytes(census: Census, matrices: tuple[MatrixFacts, ...]) -> tuple[Census, tuple[MatrixFacts, ...]]:
    """Two stored matrices of equal rows are one tied matrix, where the config says tied.

    Whatever it says, they were one in training: nothing exact is known of the decay.
    """
    if len(matrices) != 2 or not _equal(*matrices):
        return census, matrices
    source, target = (dataclasses.replace(item, weight_decay=None) for item in matrices)
    if census.tie_source != "stored-twice":
        return census, (source, target)
    both = dataclasses.replace(source, matrix=dataclasses.replace(source.matrix, role="both"))
    return dataclasses.replace(census, tied=True, tie_source="same-bytes"), (both,)


def _equal(source: MatrixFacts, target: MatrixFacts) -> bool:
    return (
        source.matrix.dtype == target.matrix.dtype
        and source.matrix.shape == target.matrix.shape
        and np.array_equal(source.table.fingerprint, target.table.fingerprint)
    )
