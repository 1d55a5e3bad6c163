"""What became of the rows that `rowscope claim` wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rowscope.inspector.checkpoint import ClaimRecord
from rowscope.inspector.diff.result import ClaimedChange
from rowscope.inspector.diff.table import PairTable
from rowscope.inspector.evidence import recorded_rows
from rowscope.inspector.rows import RowReader


def claimed_changes(
    left: RowReader, right: RowReader, base: ClaimRecord, tuned: ClaimRecord, table: PairTable
) -> Iterator[ClaimedChange]:
    """A line for every claimed row of the tuned matrix, by id.

    A row counts as claimed where either side holds the bytes that a record names, or where the tuned side's
    own record names it. How far it moved is known where the base holds the claimed values.
    """
    both = ClaimRecord((*base.rows, *tuned.rows))
    before, after = recorded_rows(left, both), recorded_rows(right, both)
    named = {row.id: row for row in tuned.rows if row.id < right.rows}
    for id, row in sorted({**named, **before, **after}.items()):
        if id >= right.rows:
            continue
        common = id < len(table)
        if id in after or (id in before and common and not table.changed[id]):
            state, moved = "initial", 0.0
        elif id in before and common:
            state, moved = "moved", float(table.relative[id])
        else:
            state, moved = "changed", math.nan
        yield ClaimedChange(id, row.token, row.recipe, state, moved)
