"""The common rows by group: how many changed, and how far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median
from rowscope.inspector.census import GROUP_MEMBERS
from rowscope.inspector.diff.result import GroupChange
from rowscope.inspector.diff.table import PairTable

NAN: Final = float("nan")


def group_changes(table: PairTable, codes: NDArray[np.int8]) -> Mapping[str, GroupChange]:
    """Changes of used, reserved and the four groups; `codes` int8 [rows of the table]."""
    found = {}
    for name, members in GROUP_MEMBERS.items():
        chosen = np.isin(codes, members)
        if chosen.any():
            found[name] = summarise_rows(table, chosen)
    return found


def summarise_rows(table: PairTable, chosen: NDArray[np.bool_]) -> GroupChange:
    """Changes of the rows that `chosen`, bool [n], marks."""
    measured = chosen & table.finite
    distance, cosine = table.distance[measured], table.cosine[measured]
    cosine = cosine[~np.isnan(cosine)]
    return GroupChange(
        rows=int(chosen.sum()),
        identical=int((chosen & table.identical).sum()),
        identical_after_rounding=int((chosen & table.rounded).sum()),
        changed=int((chosen & table.changed).sum()),
        nonfinite=int((chosen & ~table.finite).sum()),
        distance_max=float(distance.max()) if distance.size else NAN,
        distance_mean=float(distance.mean()) if distance.size else NAN,
        distance_median=median(distance) if distance.size else NAN,
        cosine_mean=float(cosine.mean()) if cosine.size else NAN,
    )
