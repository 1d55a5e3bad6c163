"""Two matrices -> one entry per common row: both are read block by block, at the same pace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.diff.table import PairTable
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.rows import Chunk, RowReader, rows_of_a_chunk, run_in_order
from rowscope.kernels import rounding
from rowscope.kernels.compare import pairs

EngineChoice = Literal["auto", "numba", "numpy"]
Progress = Callable[[int], None] | None


def compare_rows(
    base: RowReader,
    tuned: RowReader,
    *,
    threads: int | None = None,
    engine: EngineChoice = "auto",
    progress: Progress = None,
) -> PairTable:
    """Compare the rows that both matrices have, in one pass over either.

    Args:
        threads: None for as many as the process may use. The result does not depend on it.
        engine: `auto` chooses by size.
        progress: called in this thread with the number of rows finished since the last call.

    Raises:
        CheckpointError: rows of different width.
        MalformedFileError: a file shrank while it was read.
    """
    if base.width != tuned.width:
        raise CheckpointError(
            f"rows of {base.ref.name!r} have {base.width:,} elements, those of {tuned.ref.name!r} "
            f"{tuned.width}; only checkpoints of one hidden size can be compared row by row",
            location=tuned.ref.name,
        )
    rows = min(base.rows, tuned.rows)
    columns = pairs.PairColumns.allocate(rows)
    rounded = np.zeros(rows, dtype=np.bool_)
    chosen = pairs.choose_engine(base.form, tuned.form, rows * base.width) if engine == "auto" else engine
    for side in (base, tuned):
        side.use(engine, rows * base.width)

    def work(chunk: Chunk) -> None:
        left, right = base.block(chunk.start, chunk.stop), tuned.block(chunk.start, chunk.stop)
        part = columns.part(chunk.start, chunk.stop)
        pairs.compare(chosen, base.form, left, tuned.form, right, part)
        if base.dtype != tuned.dtype:
            moved = np.flatnonzero(part.changed)
            rounded[chunk.start + moved] = rounding.equal_after_rounding(
                base.form, left, tuned.form, right, moved
            )
        del left, right
        base.release(chunk.start, chunk.stop)
        tuned.release(chunk.start, chunk.stop)

    for chunk, _ in run_in_order(_plan(base, tuned, rows), work, threads):
        if progress is not None:
            progress(chunk.stop - chunk.start)
    return _table(columns, rounded)


def _plan(base: RowReader, tuned: RowReader, rows: int) -> list[Chunk]:
    """Chunks of the common rows; the cut depends on the matrices alone."""
    step = rows_of_a_chunk(base, tuned)
    return [Chunk(start, min(start + step, rows), None) for start in range(0, rows, step)]


def _table(columns: pairs.PairColumns, rounded: NDArray[np.bool_]) -> PairTable:
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = columns.distance / columns.norm_base
    identical = columns.changed == 0
    relative[identical & columns.finite] = 0.0
    return PairTable(
        distance=columns.distance,
        relative=relative,
        cosine=columns.cosine,
        norm_base=columns.norm_base,
        norm_tuned=columns.norm_tuned,
        changed_elements=columns.changed,
        identical=identical,
        rounded=rounded,
        finite=columns.finite,
    )
