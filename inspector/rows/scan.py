"""The scan: every quantity of the rows asked for, in one pass over their bytes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import UsageError
from rowscope.inspector.rows import chunks
from rowscope.inspector.rows.blocks import RowReader
from rowscope.inspector.rows.chunks import Chunk
from rowscope.inspector.rows.table import GroupColumns, RowTable
from rowscope.kernels import dispatch
from rowscope.kernels.results import GroupSums, GroupTotals, RowColumns

EngineChoice = Literal["auto", "numba", "numpy"]


def scan_rows(
    reader: RowReader,
    *,
    ids: NDArray[np.int64] | None = None,
    groups: NDArray[np.int8] | None = None,
    n_groups: int = 0,
    threads: int | None = None,
    engine: EngineChoice = "auto",
    progress: Callable[[int], None] | None = None,
) -> tuple[RowTable, GroupColumns | None]:
    """Read rows once and return all their quantities, and the group sums where `groups` is given.

    Args:
        ids: the rows to read, in any order, shape (n,); all of them where None.
        groups: a group from 0 to `n_groups` - 1 for each row read, -1 for none, shape (n,).
        threads: None for as many as the process may use. The result does not depend on it.
        engine: `auto` chooses by size.
        progress: called in this thread with the number of rows finished since the last call.

    Raises:
        UsageError: an id out of range, or `groups` of the wrong length or with a group out of range.
    """
    total = reader.rows if ids is None else ids.size
    _check_groups(groups, n_groups, total)
    reader.expect(ids)
    columns = RowColumns.allocate(total)
    totals = GroupTotals.allocate(n_groups, reader.width) if groups is not None else None
    chosen = dispatch.choose_engine(reader.form, total * reader.width) if engine == "auto" else engine
    reader.use(engine, total * reader.width)

    # Compile in this thread: an interrupt can stop it here, and no other thread has to wait for it.
    dispatch.scan(chosen, reader.form, np.empty((0, reader.row_bytes), np.uint8), RowColumns.allocate(0))

    def work(chunk: Chunk) -> tuple[RowColumns, GroupSums | None]:
        part = columns.part(chunk.start, chunk.stop)
        members = None if groups is None else np.ascontiguousarray(groups[chunk.start : chunk.stop])
        sums = None if groups is None else GroupSums.allocate(n_groups, reader.width)

        ids_of_chunk = range(chunk.start, chunk.stop) if chunk.ids is None else chunk.ids
        if reader.scan(ids_of_chunk, part, members, sums):
            return part, sums

        def use(raw: NDArray[np.uint8]) -> None:
            dispatch.scan(chosen, reader.form, raw, part, members, sums)

        chunks.with_rows(reader, chunk, use)
        return part, sums

    with closing(chunks.run_in_order(chunks.plan(reader, ids, reader.scan_bytes), work, threads)) as results:
        for chunk, (part, sums) in results:
            columns.extreme.update((chunk.start + at, pair) for at, pair in part.extreme.items())
            if totals is not None and sums is not None:
                totals.add(sums)
            if progress is not None:
                progress(chunk.stop - chunk.start)
    table = RowTable(
        ids=np.arange(total, dtype=np.int64) if ids is None else ids.copy(),
        width=reader.width,
        extreme=columns.extreme,
        **{name: getattr(columns, name) for name in RowColumns.names()},
    )
    return table, None if totals is None else _group_columns(totals)


def _check_groups(groups: NDArray[np.int8] | None, n_groups: int, total: int) -> None:
    if groups is None:
        return
    if groups.shape != (total,):
        raise UsageError(
            f"groups has the shape {groups.shape} for {total:,} rows; give one group for each row"
        )
    if groups.size and not -1 <= int(groups.min()) <= int(groups.max()) < n_groups:
        raise UsageError(
            f"groups run from {int(groups.min())} to {int(groups.max())}; "
            f"give -1 to {n_groups - 1}, -1 for none"
        )


def _group_columns(totals: GroupTotals) -> GroupColumns:
    mean = np.where(totals.rows[:, None] > 0, totals.mean, np.nan)
    return GroupColumns(totals.rows, mean, totals.scatter, totals.unit_rows, totals.unit_sum)
