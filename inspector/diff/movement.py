"""Which rows really moved: measured against rows that no token uses, which training shifts as well."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from rowscope.inspector.arrays import median
from rowscope.inspector.census import GROUPS, PLACEHOLDER, RESERVED
from rowscope.inspector.diff.result import Background, RowChange
from rowscope.inspector.diff.table import Names, PairTable
from rowscope.inspector.frozen import record

NAN: Final = float("nan")

# A row moved when its distance lies this many robust standard deviations above the median of the rows that
# nobody uses, and at least half as far again: those rows are often copies of each other and hardly scatter.
_SIGMAS: Final = 6.0
_FURTHER: Final = 0.5


def background(table: PairTable, names: Names) -> Background:
    """How far rows moved that are reserved on both sides: what training does to a row nobody uses."""
    rows = len(table)
    idle = np.isin(names.tuned_codes[:rows], RESERVED)
    if names.base is not None:
        idle &= np.isin(names.base_codes[:rows], RESERVED)
    distance = table.distance[idle & table.finite]
    if not distance.size:
        return Background(0, NAN, 0.0)
    middle = median(distance)
    sigma = 1.4826 * median(np.abs(distance - middle))
    return Background(int(distance.size), middle, middle + max(_SIGMAS * sigma, _FURTHER * middle))


@record
class Rows:
    """The rows of one pair of matrices, to be described one by one."""

    table: PairTable
    tuned_rows: int
    names: Names
    limit: float

    def movement(self, id: int) -> str:
        """See `RowChange`."""
        if id >= self.tuned_rows:
            return "no-row"
        if id >= len(self.table):
            return "new-row"
        if not self.table.changed[id]:
            return "unmoved"
        return "drifted" if self.table.distance[id] <= self.limit else "moved"

    def describe(self, id: int) -> RowChange:
        """The row's numbers, token and roles."""
        common = id < len(self.table)
        names = self.names
        roled = names.roles.get(id)
        return RowChange(
            id=id,
            token=names.tuned.tokens.get(id) if names.tuned else None,
            base_token=names.base.tokens.get(id) if names.base else None,
            text=names.tuned.text(id) if names.tuned else None,
            base_text=names.base.text(id) if names.base else None,
            group=GROUPS[names.tuned_codes[id]],
            roles=roled.roles if roled else (),
            movement=self.movement(id),
            distance=float(self.table.distance[id]) if common else NAN,
            relative=float(self.table.relative[id]) if common else NAN,
            cosine=float(self.table.cosine[id]) if common else NAN,
        )

    def all(self, ids: Iterable[int]) -> tuple[RowChange, ...]:
        return tuple(self.describe(id) for id in ids)


def drifted_reserved(rows: Rows) -> tuple[RowChange, ...]:
    """Reserved rows of the tuned side that changed: furthest first, NaN before numbers."""
    table = rows.table
    codes = rows.names.tuned_codes[: len(table)]
    ids = np.flatnonzero(np.isin(codes, RESERVED) & table.changed)
    order = np.lexsort((ids, -np.nan_to_num(table.distance[ids], nan=np.inf)))
    return rows.all(int(id) for id in ids[order])


def still_specials(rows: Rows) -> tuple[RowChange, ...]:
    """Special tokens and tokens with a role whose rows did not move; idle placeholders are left out."""
    found = []
    for id, token in rows.names.roles.items():
        if id >= len(rows.table) or not (token.special or token.roles):
            continue
        if rows.names.tuned_codes[id] == PLACEHOLDER and not token.roles:
            continue
        if rows.movement(id) in ("unmoved", "drifted"):
            found.append(id)
    return rows.all(sorted(found))
