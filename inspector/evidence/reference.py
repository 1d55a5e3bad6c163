"""Finding the untrained reference: what rows look like that no training step aimed at."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.cluster import Bundle, densest_bundle, unit_rows
from rowscope.inspector.evidence.model import Reference
from rowscope.inspector.rows import RowReader

# The search compares all pairs, so it looks at no more rows than this, evenly spread over the candidates,
# and at no more bytes of float64 than `_POOL_BYTES`.
_POOL_ROWS: Final = 512
_POOL_BYTES: Final = 16 << 20

# Rows that are believed untrained may lean together loosely; any other rows must be near-copies.
STRICT: Final = (0.999,)
_LEAST_BELIEVED: Final = 3
_LEAST_OTHERS: Final = 4
# A few trained rows may agree in norm by chance; this many do not.
_LEAST_INDEPENDENT: Final = 16

# Candidates whose mutual cosine stays below this do not share a direction.
_INDEPENDENT: Final = 0.1


def sample(ids: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """At most `limit` of the sorted `ids`, evenly spread, always the same ones."""
    if ids.size <= limit:
        return ids
    return ids[np.linspace(0, ids.size - 1, limit).astype(np.int64)]


def _among(few: NDArray[np.int64], many: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the sorted ids `few` that are among the sorted ids `many`."""
    places = np.searchsorted(many, few)
    found = places < many.size
    found[found] = many[places[found]] == few[found]
    return few[found]


def pool_limit(width: int) -> int:
    """How many rows of `width` elements a pool may hold."""
    return max(16, min(_POOL_ROWS, _POOL_BYTES // (8 * max(width, 1))))


def find_reference(
    reader: RowReader,
    candidates: Candidates,
    judged: NDArray[np.int64],
    repeated: NDArray[np.int64],
    mean: NDArray[np.float64],
) -> Reference | None:
    """The untrained reference of one matrix, or None.

    Args:
        judged: ids that have a direction (finite, neither zero nor vanished), sorted.
        repeated: ids among them that share all their values with at least three other rows.
        mean: float64 [d], the matrix mean.

    The believed candidates are tried first: a bundle that holds at least half of them, else a third or a
    tenth (placeholders may have been used, or drift in families). Then near-duplicates, which trained
    rows do not form: among all candidates and added tokens, and among rows that repeat exactly. Last,
    independent candidates are a reference of kind "initial".
    """
    limit = pool_limit(reader.width)
    believed = sample(_among(candidates.believed, judged), limit)
    if believed.size >= _LEAST_BELIEVED:
        rows = reader.decode(believed)
        for share in (0.5, 0.3, 0.1):
            bundle = densest_bundle(rows, mean, share=share, least=_LEAST_BELIEVED)
            if bundle is not None:
                return _collapsed(believed, rows, bundle, candidates)
    others = _among(np.union1d(candidates.added, candidates.believed), judged)
    for ids in (others, repeated):
        pool = sample(ids, limit)
        if pool.size >= _LEAST_OTHERS:
            rows = reader.decode(pool)
            bundle = densest_bundle(rows, mean, share=0.0, least=_LEAST_OTHERS, levels=STRICT)
            if bundle is not None:
                return _collapsed(pool, rows, bundle, candidates)
    return _independent(reader, believed, mean, candidates)


def near_copies(
    reader: RowReader, candidates: Candidates, judged: NDArray[np.int64], mean: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Ids of the largest family of near-duplicates among added tokens and believed candidates; maybe none.

    `judged` are the ids still without another verdict, sorted; `mean` float64 [d] is the matrix mean.
    """
    others = _among(np.union1d(candidates.added, candidates.believed), judged)
    pool = sample(others, pool_limit(reader.width))
    if pool.size < _LEAST_OTHERS:
        return pool[:0]
    bundle = densest_bundle(reader.decode(pool), mean, share=0.0, least=_LEAST_OTHERS, levels=STRICT)
    return pool[:0] if bundle is None else pool[bundle.members]


def _collapsed(
    ids: NDArray[np.int64], rows: NDArray[np.float64], bundle: Bundle, candidates: Candidates
) -> Reference:
    members = ids[bundle.members]
    return Reference(
        kind="collapsed",
        source=candidates.describe(members),
        rows=int(members.size),
        spread=_spread(rows[bundle.members], bundle.centre),
        centre=bundle.centre,
        candidates=members,
    )


def _independent(
    reader: RowReader, ids: NDArray[np.int64], mean: NDArray[np.float64], candidates: Candidates
) -> Reference | None:
    if ids.size < _LEAST_INDEPENDENT:
        return None
    rows = reader.decode(ids)
    unit = unit_rows(rows, np.zeros_like(mean))
    total = unit.sum(axis=0)
    pairwise = (total @ total - ids.size) / (ids.size * (ids.size - 1))
    if abs(pairwise) > _INDEPENDENT:
        return None
    norms = np.linalg.norm(rows, axis=1)
    centre = float(np.median(norms))
    tight = np.abs(norms - centre) <= 5 * max(
        1.4826 * float(np.median(np.abs(norms - centre))), centre / np.sqrt(2 * reader.width)
    )
    # Norms of random rows agree to 1/sqrt(2 d); candidates that scatter further were trained.
    if tight.sum() < max(_LEAST_INDEPENDENT, 0.5 * ids.size) or _scatter(norms[tight]) > 3 / np.sqrt(
        2 * reader.width
    ):
        return None
    median = np.median(rows[tight], axis=0)
    return Reference(
        kind="initial",
        source=candidates.describe(ids[tight]),
        rows=int(tight.sum()),
        spread=_spread(rows[tight], median),
        centre=median,
        candidates=ids[tight],
    )


def _scatter(norms: NDArray[np.float64]) -> float:
    return float(np.std(norms) / np.mean(norms))


def _spread(rows: NDArray[np.float64], centre: NDArray[np.float64]) -> float:
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.median(1 - rows @ centre / lengths))
