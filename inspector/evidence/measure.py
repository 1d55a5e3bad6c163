"""One matrix, scanned and judged: whole, or a few rows against a fixed sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import union, without
from rowscope.inspector.census import GROUP_MEMBERS, GROUPS
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.evidence.candidates import find_candidates
from rowscope.inspector.evidence.decay import mean_shift, unseen, weight_decay
from rowscope.inspector.evidence.facts import MatrixFacts
from rowscope.inspector.evidence.holes import damaged_rows, find_holes, rows_of
from rowscope.inspector.evidence.initial import Start
from rowscope.inspector.evidence.judge import judge
from rowscope.inspector.evidence.look import Look, plan_look
from rowscope.inspector.evidence.means import PartialLook
from rowscope.inspector.evidence.model import MatrixEvidence
from rowscope.inspector.evidence.pieces import pieces_of
from rowscope.inspector.evidence.recorded import recorded_recipes
from rowscope.inspector.evidence.subject import Subject
from rowscope.inspector.evidence.unmoved import unmoved_rows
from rowscope.inspector.matrices import Matrix, config_value
from rowscope.inspector.rows import GroupColumns, RowTable, group_statistics, open_rows, scan_rows
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary import Vocabulary

Progress = Callable[[int], None] | None


def measure_matrix(
    matrix: Matrix,
    checkpoint: Checkpoint,
    vocabulary: Vocabulary | None,
    codes: NDArray[np.int8],
    *,
    unreachable: NDArray[np.int64] | None = None,
    progress: Progress = None,
) -> MatrixFacts:
    """Scan all rows of a matrix, compute its group statistics and judge every row.

    `codes` int8 [rows or more] are the census groups.

    Raises:
        UndecodableError: the matrix's dtype or packing cannot be decoded.
        MalformedFileError: the file shrank while it was read.
    """
    codes = codes[: matrix.rows]
    candidates = find_candidates(codes, vocabulary, unreachable)
    added = candidates.added
    with open_rows(matrix) as reader:
        table, columns = scan_rows(reader, groups=codes, n_groups=len(GROUPS), progress=progress)
        assert columns is not None
        start = _start(matrix, checkpoint)
        subject = Subject(
            reader=reader,
            table=table,
            columns=columns,
            codes=codes,
            candidates=candidates,
            look=plan_look(codes, candidates, reader.width, reader.row_bytes),
            pieces=lambda: pieces_of(vocabulary, added, reader.rows),
            start=start,
            recorded=recorded_recipes(reader, checkpoint, vocabulary),
            judged_on=say("all rows"),
        )
        evidence = judge(subject, progress)
        holes = find_holes(reader, table)
        evidence = evidence.without(rows_of(holes, matrix.ref.nbytes // max(matrix.rows, 1), matrix.rows))
        alone = matrix.role == "input" and checkpoint.layout.of_role("output") is not None
        decay = weight_decay(reader, unseen(evidence, candidates), start.std) if alone else None
    del subject, candidates  # lists of ids, which the statistics need not lie beside
    return MatrixFacts(
        matrix,
        table,
        codes,
        group_statistics(table, codes, columns, GROUP_MEMBERS),
        evidence,
        mean_shift=mean_shift(matrix_mean(columns), table),
        weight_decay=decay,
        holes=holes,
        unmoved=unmoved_rows(matrix, checkpoint),
    )


def judge_some(
    matrix: Matrix,
    checkpoint: Checkpoint,
    vocabulary: Vocabulary | None,
    codes: NDArray[np.int8],
    ids: NDArray[np.int64],
) -> tuple[RowTable, MatrixEvidence]:
    """Judge the rows `ids` (sorted int64) as `measure_matrix` would, from no more rows than that takes.

    Thresholds come from the same rows as there. Where a row lies so near to the mean of all rows that only
    that mean can tell, the whole matrix is read. Returns the table and evidence of `ids` alone; `judged_on`
    says what they were compared with.

    Raises:
        UsageError: an id outside the matrix.
        UndecodableError, MalformedFileError: see `measure_matrix`.
    """
    table, evidence, index = _judged(matrix, checkpoint, vocabulary, codes, ids)
    return table.take(index), evidence.take(index)


def verdicts_of(
    matrix: Matrix,
    checkpoint: Checkpoint,
    vocabulary: Vocabulary | None,
    codes: NDArray[np.int8],
    ids: NDArray[np.int64],
) -> MatrixEvidence:
    """The evidence of `judge_some` alone: of millions of rows a table takes hundreds of megabytes."""
    _, evidence, index = _judged(matrix, checkpoint, vocabulary, codes, ids)
    del _
    return evidence.take(index)


def _judged(
    matrix: Matrix,
    checkpoint: Checkpoint,
    vocabulary: Vocabulary | None,
    codes: NDArray[np.int8],
    ids: NDArray[np.int64],
) -> tuple[RowTable, MatrixEvidence, NDArray[np.int64]]:
    """Table and evidence of `ids` and of what they are compared with, and where `ids` stand in them."""
    codes = codes[: matrix.rows]
    candidates = find_candidates(codes, vocabulary)
    with open_rows(matrix) as reader:
        reader.check(ids)
        look = plan_look(codes, candidates, reader.width, reader.row_bytes, ids)
        wanted = union(ids, look.ids)
        table, columns = scan_rows(reader, ids=wanted, groups=codes[wanted], n_groups=len(GROUPS))
        assert columns is not None
        subject = Subject(
            reader=reader,
            table=table,
            columns=columns,
            codes=codes[wanted],
            candidates=candidates,
            look=look,
            pieces=lambda: pieces_of(vocabulary, candidates.added, reader.rows).of(ids),
            start=_start(matrix, checkpoint),
            recorded=recorded_recipes(reader, checkpoint, vocabulary),
            judged_on=_words(look),
        )
        try:
            evidence = judge(subject).without(damaged_rows(reader, table))
        except PartialLook:
            facts = measure_matrix(matrix, checkpoint, vocabulary, codes)
            return facts.table, facts.evidence, ids
    return table, evidence, np.searchsorted(wanted, ids)


def _words(look: Look) -> str:
    candidates = without(look.ids, look.bulk).size
    return say(
        "{candidates:# reference candidate|# reference candidates} and a sample of {sample} other rows",
        candidates=candidates,
        sample=int(look.bulk.size),
    )


def _start(matrix: Matrix, checkpoint: Checkpoint) -> Start:
    """An output matrix, tied or not, is moved at every step; so are its ordinary rows."""
    return Start(initializer_range(checkpoint.config), ordinary=matrix.role == "input")


def matrix_mean(columns: GroupColumns) -> NDArray[np.float64]:
    """Mean of all finite rows, float64 [d], from the group means; zeros where there is none."""
    counts = columns.rows.astype(np.float64)
    if not counts.any():
        return np.zeros(columns.mean.shape[1])
    present = counts > 0
    return np.asarray(counts[present] @ columns.mean[present] / counts.sum())


def initializer_range(config: Any) -> float | None:  # noqa: ANN401 - config.json
    """Standard deviation of the random start, where the config tells it."""
    value = config_value(config, "initializer_range")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
