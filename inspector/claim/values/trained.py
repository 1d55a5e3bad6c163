"""What the trained rows of a matrix have in common: their mean, their spread, their usual norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median
from rowscope.inspector.census import USED
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.frozen import record
from rowscope.inspector.matrices import Matrix
from rowscope.inspector.rows import GATHERED_ROWS, open_rows
from rowscope.inspector.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rowscope.inspector.evidence import MatrixFacts

Floats = NDArray[np.float64]
Progress = Callable[[int], None] | None

_BLOCK_ROWS = 16 * GATHERED_ROWS


@record
class TrainedRows:
    """The used rows of one matrix with the verdict `trained`.

    Attributes:
        facts: the scan and the verdicts of the whole matrix.
        ids: int64 [n], sorted.
        mean: float64 [d].
        norm: the median of their norms.
    """

    facts: MatrixFacts
    ids: NDArray[np.int64]
    mean: Floats
    norm: float


def measure_trained(
    matrix: Matrix,
    checkpoint: Checkpoint,
    vocabulary: Vocabulary,
    codes: NDArray[np.int8],
    progress: Progress = None,
) -> TrainedRows:
    """Scan and judge a matrix, then average the rows that were trained.

    transformers' resize averages all rows, reserved ones included (Hewitt's note on vocabulary expansion
    describes the method); rows that were never trained say nothing about tokens, so they are left out.

    Raises:
        RefusedError: no used row was trained.
        UndecodableError, MalformedFileError: see `measure_matrix`.
    """
    # What scans and judges is imported for claims that need it: `like` and `keep` do not.
    from rowscope.inspector.evidence import measure_matrix
    from rowscope.inspector.rows import scan_rows

    facts = measure_matrix(matrix, checkpoint, vocabulary, codes, progress=progress)
    trained = ~facts.evidence.untrained & np.isin(facts.codes, USED)
    if not trained.any():
        raise RefusedError(
            f"none of the {matrix.rows:,} rows of {matrix.tensor!r} that have a token looks trained, so "
            "there is no mean to start from; use --values like:TOKEN or keep",
            location=matrix.tensor,
        )
    with open_rows(matrix) as reader:
        groups = np.where(trained, 0, -1).astype(np.int8)
        _, columns = scan_rows(reader, groups=groups, n_groups=1)
    assert columns is not None
    norm = median(facts.table.norm[trained])
    return TrainedRows(facts, np.flatnonzero(trained), columns.mean[0], norm)


def draw(trained: TrainedRows, seeds: list[tuple[int, ...]]) -> Floats:
    """Samples of the normal distribution with the trained rows' mean and sample covariance, float64 [k, d].

    With independent standard normal g_i, mean + sum_i g_i (x_i - mean) / sqrt(n - 1) has exactly that
    covariance, so that no d x d matrix is needed; the rows are read once for all samples.
    """
    weights = np.stack([np.random.default_rng(seed).standard_normal(trained.ids.size) for seed in seeds])
    noise = np.zeros((len(seeds), trained.mean.size))
    with open_rows(trained.facts.matrix) as reader:
        for start in range(0, trained.ids.size, _BLOCK_ROWS):
            some = slice(start, start + _BLOCK_ROWS)
            noise += weights[:, some] @ (reader.decode(trained.ids[some]) - trained.mean)
    return np.asarray(trained.mean + noise / np.sqrt(max(1, trained.ids.size - 1)))


def scaled(rows: Floats, norm: float, what: str) -> Floats:
    """The rows [k, d] with their norms made `norm`.

    Raises:
        RefusedError: a row is zero, so that no factor gives it another norm.
    """
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (sizes > 0).all() or not np.isfinite(sizes).all():
        raise RefusedError(
            f"the {what} is a zero vector or not finite, so it has no direction to start from; "
            "use --values normal, like:TOKEN or keep"
        )
    return np.asarray(rows * (norm / sizes))
