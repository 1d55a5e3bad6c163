"""Which rows a judgement rests on: the same ones whether a few rows are asked for or all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import union, without
from rowscope.inspector.census import BASE, USED
from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.frozen import record

Ids = NDArray[np.int64]

POOL_ROWS: Final = 512
"""Searches among pairs look at no more rows of a source than this."""

# The bulk is read in runs of neighbours, each of them one request to a remote place; in so many, which is
# enough where each stands for one part of the vocabulary: the beginnings of blocks of so many ids. Beliefs
# are not: neighbours share a fate, and the densest quarter of a belief would be that of a few places.
_PARTS: Final = 12
_BLOCK: Final = 256
# No more rows than this of the bulk, of those among which families are sought ...
_SAMPLE_ROWS: Final = 2048
# ... of all of these at more bytes of float64 than these, and of the bulk at more stored bytes than these,
# but for so many rows, however wide.
_BYTES: Final = 8 << 20
_STORED: Final = 1_200_000
_LEAST: Final = 128
# With fewer ordinary rows than this, added tokens stand in for them.
_FEW: Final = 16
# Beside a special row that is asked for, special ones among so many ids are looked at too.
_BESIDE: Final = 32


@record
class Look:
    """Rows that every judgement of a matrix reads, sorted int64 ids each.

    Attributes:
        bulk: ordinary rows that nothing says are untrained: what is usual. Added tokens are left out, for
            hundreds may have been added at once and never trained.
        places: int64, one for each of `bulk`: rows of one place are neighbours, and may be alike for it.
        sources: rows believed untrained, by why.
        added: added tokens.
        anchors: rows of all sources and added tokens.
        kin: believed and added rows among which families of near-copies are sought. They need not be the
            same in every judgement: a family is what lies beside the rows in question.
        repeated: ordinary rows among which near-copies are sought; more where all rows are at hand.
    """

    bulk: Ids
    places: Ids
    sources: Mapping[str, Ids]
    added: Ids
    anchors: Ids
    kin: Ids
    repeated: Ids

    @property
    def ids(self) -> Ids:
        """All of them, sorted, each once."""
        return union(self.bulk, self.kin, self.repeated, self.added, *self.sources.values())


def sample(ids: Ids, limit: int) -> Ids:
    """At most `limit` of the sorted `ids`: those whose hashes are smallest.

    A sample that hardly changes where ids are added or taken away, so that resizing a matrix does not move
    the thresholds of the rows that it had.
    """
    if ids.size <= limit:
        return ids
    return np.sort(ids[np.argpartition(_hashes(ids), limit - 1)[:limit]])


def runs(ids: Ids, limit: int, block: int, parts: int = 1) -> Ids:
    """At most `limit` of the sorted `ids`, in runs of neighbours: the first of blocks of so many ids.

    The blocks that hold any of them are divided into `parts`, for ids are often sorted by frequency, by
    script or by age. Of each part that block is taken whose hash is smallest, for nothing should depend on
    where in its part it lies, and then the next until there are enough. As stable as `sample` with one part,
    and with several where the first and the last of the ids stay.
    """
    if ids.size <= limit:
        return ids
    first = np.flatnonzero(np.diff(ids // block, prepend=-1))
    sizes, blocks = np.diff(first, append=ids.size), ids[first] // block
    parts = min(parts, blocks.size)
    lengths = np.minimum(sizes, limit // parts)
    part, hashes = np.arange(blocks.size) * parts // blocks.size, _hashes(blocks)
    order = np.lexsort((hashes, part))
    begins = np.flatnonzero(np.diff(part[order], prepend=-1))
    turn = np.empty_like(order)
    turn[order] = np.arange(order.size) - np.repeat(begins, np.diff(begins, append=order.size))
    order = np.lexsort((hashes, turn))
    enough = int(np.searchsorted(np.cumsum(lengths[order]), limit - min(block, parts))) + 1
    chosen = np.sort(order[:enough])
    return np.concatenate([ids[first[at] : first[at] + lengths[at]] for at in chosen.tolist()])[:limit]


def _hashes(ids: Ids) -> NDArray[np.uint64]:
    """Well-mixed numbers, a different one for each id: the finaliser of SplitMix64 (Steele et al. 2014)."""
    mixed = ids.astype(np.uint64)
    mixed += np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def plan_look(
    codes: NDArray[np.int8], candidates: Candidates, width: int, row_bytes: int, asked: Ids | None = None
) -> Look:
    """The rows to read of a matrix with the census groups `codes` (int8, one for each of its rows).

    `asked`: sorted ids of the rows to judge; None for all, where everything is read and more of it is used.
    """
    affordable = max(32, _BYTES // (8 * max(width, 1)))
    pool, many = min(POOL_ROWS, affordable), min(_SAMPLE_ROWS, affordable)
    usual = max(_LEAST, min(many, _STORED // max(row_bytes, 1)))
    believed = candidates.believed
    special = union(believed, candidates.added)
    ordinary = without(np.flatnonzero(codes == BASE), believed)
    if ordinary.size < _FEW:
        ordinary = without(np.flatnonzero(np.isin(codes, USED)), believed)
    bulk = runs(ordinary, usual, _BLOCK, _PARTS)
    every = {**candidates.sources, "added": candidates.added}
    sources = {name: sample(ids, pool) for name, ids in every.items()}
    anchors = sample(union(*sources.values()), many)
    kin, repeated = special, sample(bulk, pool)
    if asked is not None:
        kin = union(anchors, _beside(special, among(asked, special)))
    else:
        repeated = union(repeated, sample(ordinary, pool))
    return Look(
        bulk=bulk,
        places=bulk if bulk.size == ordinary.size else _places(bulk),
        added=sources.pop("added"),
        sources=sources,
        anchors=anchors,
        kin=sample(kin, many),
        repeated=repeated,
    )


def _places(ids: Ids) -> Ids:
    """The same number for ids of one run; of a single run nothing is known but its rows."""
    blocks = ids // _BLOCK
    return blocks if blocks[0] != blocks[-1] else ids


def _beside(special: Ids, asked: Ids) -> Ids:
    """Rows asked for and those of the `special` ones that lie beside them, where these are not too many."""
    near = special[np.isin(special // _BESIDE, asked // _BESIDE)]
    return near if near.size <= asked.size + POOL_ROWS else asked


def among(few: Ids, many: Ids) -> Ids:
    """Those of the sorted ids `few` that are among the sorted ids `many`."""
    places = np.searchsorted(many, few)
    found = places < many.size
    found[found] = many[places[found]] == few[found]
    return few[found]
