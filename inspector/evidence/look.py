"""Which rows a judgement rests on: the same ones whether a few rows are asked for or all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import union, without
from rowscope.inspector.census import BASE, USED
from rowscope.inspector.evidence.candidates import Candidates

Ids = NDArray[np.int64]

POOL_ROWS: Final = 512
"""Searches among pairs look at no more rows of a source than this."""

# The bulk of used rows and the rows among which families are sought at no more than this ...
_SAMPLE_ROWS: Final = 2048
# ... and none of them at more bytes of float64 than these.
_BYTES: Final = 8 << 20
# With fewer ordinary rows than this, added tokens stand in for them.
_FEW: Final = 16


@dataclass(frozen=True, slots=True)
class Look:
    """Rows that every judgement of a matrix reads, sorted int64 ids each.

    Attributes:
        bulk: ordinary rows that nothing says are untrained: what is usual. Added tokens are left out, for
            hundreds may have been added at once and never trained.
        sources: rows believed untrained, by why.
        anchors: believed and added rows, among which families of near-copies are sought.
    """

    bulk: Ids
    sources: Mapping[str, Ids]
    anchors: Ids

    @property
    def ids(self) -> Ids:
        """All of them, sorted, each once."""
        return union(self.bulk, self.anchors, *self.sources.values())


def sample(ids: Ids, limit: int) -> Ids:
    """At most `limit` of the sorted `ids`: those whose hashes are smallest.

    A sample that hardly changes where ids are added or taken away, so that resizing a matrix does not move
    the thresholds of the rows that it had.
    """
    if ids.size <= limit:
        return ids
    return np.sort(ids[np.argpartition(_hashes(ids), limit - 1)[:limit]])


def _hashes(ids: Ids) -> NDArray[np.uint64]:
    """Well-mixed numbers, a different one for each id: the finaliser of SplitMix64 (Steele et al. 2014)."""
    mixed = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def plan_look(codes: NDArray[np.int8], candidates: Candidates, width: int) -> Look:
    """The rows to read of a matrix with the census groups `codes` (int8, one for each of its rows)."""
    affordable = max(32, _BYTES // (8 * max(width, 1)))
    pool, many = min(POOL_ROWS, affordable), min(_SAMPLE_ROWS, affordable)
    believed = candidates.believed
    ordinary = without(np.flatnonzero(codes == BASE), believed)
    if ordinary.size < _FEW:
        ordinary = without(np.flatnonzero(np.isin(codes, USED)), believed)
    return Look(
        bulk=sample(ordinary, many),
        sources={name: sample(ids, pool) for name, ids in candidates.sources.items()},
        anchors=sample(union(believed, candidates.added), many),
    )


def among(few: Ids, many: Ids) -> Ids:
    """Those of the sorted ids `few` that are among the sorted ids `many`."""
    places = np.searchsorted(many, few)
    found = places < many.size
    found[found] = many[places[found]] == few[found]
    return few[found]
