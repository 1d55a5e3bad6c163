"""One matrix, scanned and judged: whole, or a few rows against a fixed sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import GROUP_MEMBERS, GROUPS
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.evidence.candidates import Candidates, find_candidates
from rowscope.inspector.evidence.decay import mean_shift, unseen, weight_decay
from rowscope.inspector.evidence.facts import MatrixFacts
from rowscope.inspector.evidence.holes import find_holes
from rowscope.inspector.evidence.judge import judge
from rowscope.inspector.evidence.model import MatrixEvidence
from rowscope.inspector.evidence.recorded import recorded_recipes
from rowscope.inspector.evidence.reference import sample
from rowscope.inspector.matrices import Matrix, config_value
from rowscope.inspector.rows import GroupColumns, RowReader, RowTable, group_statistics, open_rows, scan_rows
from rowscope.inspector.vocabulary import Vocabulary

Progress = Callable[[int], None] | None

# What a partial judgement compares with: this many used rows, evenly spread, and as many candidates.
_SAMPLE: Final = 2048


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
    with open_rows(matrix) as reader:
        table, columns = scan_rows(reader, groups=codes, n_groups=len(GROUPS), progress=progress)
        assert columns is not None
        mean, start = matrix_mean(columns), initializer_range(checkpoint.config)
        candidates = find_candidates(codes, vocabulary, unreachable)
        evidence = judge(
            reader,
            table,
            codes,
            mean,
            candidates,
            initializer_range=start,
            recorded=recorded_recipes(reader, checkpoint, vocabulary),
            progress=progress,
        )
        holes = find_holes(reader, table)
        alone = matrix.role == "input" and checkpoint.layout.of_role("output") is not None
        decay = weight_decay(reader, unseen(evidence, candidates), start) if alone else None
    return MatrixFacts(
        matrix,
        table,
        codes,
        group_statistics(table, codes, columns, GROUP_MEMBERS),
        evidence,
        mean_shift=mean_shift(mean, table),
        weight_decay=decay,
        holes=holes,
    )


def judge_some(
    reader: RowReader,
    ids: NDArray[np.int64],
    codes: NDArray[np.int8],
    vocabulary: Vocabulary | None,
    config: Any,  # noqa: ANN401 - config.json
    recorded: Mapping[int, str] | None = None,
) -> tuple[RowTable, MatrixEvidence]:
    """Judge the rows `ids` (sorted int64) against the candidates and a fixed sample of used rows.

    Returns the table and evidence of those rows alone; `judged_on` says what they were compared with.
    """
    candidates = find_candidates(codes, vocabulary)
    believed = sample(candidates.believed, _SAMPLE)
    rest = sample(np.setdiff1d(np.arange(reader.rows), candidates.believed), _SAMPLE)
    wanted = np.unique(np.concatenate((ids, believed, rest)))
    table, columns = scan_rows(reader, ids=wanted, groups=codes[wanted], n_groups=len(GROUPS))
    assert columns is not None
    some = Candidates(
        unmapped=np.intersect1d(candidates.unmapped, wanted),
        placeholder=np.intersect1d(candidates.placeholder, wanted),
        impossible=np.intersect1d(candidates.impossible, wanted),
        unreachable=candidates.unreachable,
        added=np.intersect1d(candidates.added, wanted),
    )
    words = f"{believed.size} reference candidates and a sample of {rest.size} other rows"
    evidence = judge(
        reader,
        table,
        codes[wanted],
        matrix_mean(columns),
        some,
        initializer_range=initializer_range(config),
        judged_on=words,
        recorded=recorded,
    )
    index = np.searchsorted(wanted, ids)
    return table.take(index), evidence.take(index)


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
