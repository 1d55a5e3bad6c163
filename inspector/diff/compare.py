"""`rowscope.diff`: two checkpoints, compared row by row and token by token."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from rowscope.inspector.census import group_codes, roled_tokens
from rowscope.inspector.checkpoint import Checkpoint, ClaimRecord, open_checkpoint
from rowscope.inspector.diff.claimed import claimed_changes
from rowscope.inspector.diff.expect import parse_expectation, violations
from rowscope.inspector.diff.groups import group_changes, summarise_rows
from rowscope.inspector.diff.measure import compare_rows
from rowscope.inspector.diff.movement import Rows, background, drifted_reserved, still_specials
from rowscope.inspector.diff.pairs import Pair, pair_matrices
from rowscope.inspector.diff.result import Diff, MatrixDiff, Side, Stored
from rowscope.inspector.diff.summary import summarise
from rowscope.inspector.diff.table import Names
from rowscope.inspector.diff.tokens import compare_tokenizers, new_ids
from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.matrices import Matrix
from rowscope.inspector.ranges import to_ranges
from rowscope.inspector.rows import open_rows
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary import Vocabulary, read_vocabulary

Progress = Callable[[int], None] | None


def diff(
    base: Checkpoint | str | os.PathLike[str],
    tuned: Checkpoint | str | os.PathLike[str],
    *,
    expect_unchanged: Any = None,  # noqa: ANN401 - every form of ids
    progress: Progress = None,
) -> Diff:
    """Compare the vocabulary rows of two checkpoints from their files alone.

    Dtypes, row counts, sharding and tying may differ. Memory stays flat: both are read block by block.

    Args:
        base: the checkpoint that came first: opened, or a path for `open_checkpoint`.
        tuned: what was made of it.
        expect_unchanged: rows that should have been inherited as they were: ranges such as "0:151665", or ids
            in any form that `row_table` takes; each that changed is part of a finding, and `exit_code` is 1.
        progress: called with the number of rows finished since the last call.

    Raises:
        CheckpointError: a path cannot be opened, or the two cannot be compared: no matrix of the same role,
            hidden sizes that differ.
        UndecodableError: a matrix whose values cannot be decoded.
        UsageError: `expect_unchanged` is no list of ranges, or reaches beyond the base's rows.
    """
    started = time.perf_counter()
    base, tuned = _opened(base), _opened(tuned)
    if tuned.adapter is not None and tuned.base is None:
        tuned = open_checkpoint(tuned.path, base=base.path)
    pairs, notes = pair_matrices(base, tuned)
    most = max(pair.base.rows for pair in pairs)
    expected = None if expect_unchanged is None else parse_expectation(expect_unchanged, most)
    opened = time.perf_counter()
    vocabularies, troubles = _vocabularies(base, tuned)
    names = _names(pairs, tuned, *vocabularies)
    named = time.perf_counter()
    claims = (base.claims, tuned.claims)
    matrices = tuple(_compare(pair, names, claims, progress) for pair in pairs)
    old, new = vocabularies
    tokenizer = compare_tokenizers(old, new) if old is not None and new is not None else None
    finished = time.perf_counter()
    return Diff(
        base=_side(base, old),
        tuned=_side(tuned, new),
        matrices=matrices,
        tokenizer=tokenizer,
        expected_unchanged=None if expected is None else to_ranges(expected),
        findings=() if expected is None else tuple(violations(expected, matrices)),
        notes=(*notes, *troubles, *(record.note for record in claims if record.note)),
        summary=summarise(matrices, tokenizer),
        names=names,
        timings={
            "headers": opened - started,
            "tokenizers": named - opened,
            "rows": finished - named,
            "total": finished - started,
        },
    )


def _opened(side: Checkpoint | str | os.PathLike[str]) -> Checkpoint:
    return side if isinstance(side, Checkpoint) else open_checkpoint(side)


def _vocabularies(
    base: Checkpoint, tuned: Checkpoint
) -> tuple[tuple[Vocabulary | None, Vocabulary | None], list[str]]:
    """Both tokenizers as far as they can be read, and what is wrong with the rest."""
    notes: list[str] = []
    found: list[Vocabulary | None] = []
    for side in (base, tuned):
        vocabulary = None
        try:
            vocabulary = read_vocabulary(side.tokenizer_folder)
            trouble = say("no tokenizer files in {folder!r}", folder=side.folder.location)
        except TokenizerError as error:
            trouble = say(
                "the tokenizer in {folder!r} cannot be read: {why}",
                folder=side.folder.location,
                why=error.message,
            )
        if vocabulary is None:
            notes.append(
                say(
                    "{trouble}; its rows are not told apart, and tokenizers are not compared", trouble=trouble
                )
            )
        found.append(vocabulary)
    return (found[0], found[1]), notes


def _names(
    pairs: tuple[Pair, ...], tuned: Checkpoint, old: Vocabulary | None, new: Vocabulary | None
) -> Names:
    ids = [side.max_id or 0 for side in (old, new) if side is not None]
    rows = max(*(max(pair.base.rows, pair.tuned.rows) for pair in pairs), *(id + 1 for id in ids), 0)
    tokens = roled_tokens(new, tuned.config, tuned.generation_config)
    return Names(
        base=old,
        tuned=new,
        base_codes=group_codes(rows, old),
        tuned_codes=group_codes(rows, new),
        roles={token.id: token for token in tokens},
    )


def _compare(
    pair: Pair, names: Names, claims: tuple[ClaimRecord, ClaimRecord], progress: Progress
) -> MatrixDiff:
    with open_rows(pair.base) as left, open_rows(pair.tuned) as right:
        table = compare_rows(left, right, progress=progress)
        claimed = tuple(claimed_changes(left, right, *claims, table))
    common = len(table)
    still = background(table, names)
    rows = Rows(table, pair.tuned.rows, names, still.limit)
    fresh = new_ids(names.base, names.tuned) if names.base and names.tuned else []
    return MatrixDiff(
        role=pair.role,
        base=_stored(pair.base),
        tuned=_stored(pair.tuned),
        table=table,
        width=pair.base.shape[1],
        only_in_base=(common, pair.base.rows) if pair.base.rows > common else None,
        only_in_tuned=(common, pair.tuned.rows) if pair.tuned.rows > common else None,
        total=summarise_rows(table, np.ones(common, dtype=np.bool_)),
        groups_tuned=group_changes(table, names.tuned_codes[:common]),
        groups_base=group_changes(table, names.base_codes[:common]),
        background=still,
        drifted_reserved=drifted_reserved(rows),
        new_tokens=rows.all(fresh),
        still_specials=still_specials(rows),
        claimed=claimed,
    )


def _stored(matrix: Matrix) -> Stored:
    return Stored(matrix.tensor, matrix.file, matrix.dtype, matrix.rows)


def _side(side: Checkpoint, vocabulary: Vocabulary | None) -> Side:
    return Side(
        path=side.path,
        model_type=side.model_type,
        architectures=side.architectures,
        tied=side.layout.tied,
        entries=vocabulary.entries if vocabulary else None,
    )
