"""Sets of ids and medians, as numpy gives them and without its `numpy.ma`.

numpy's own set functions and `median` import that module at their first call, which takes longer than all the
sets and medians of an audit of a small checkpoint.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ids = NDArray[np.int64]


def union(*sets: NDArray[np.integer]) -> Ids:
    """All ids of some arrays, in any order and repeated or not: int64, sorted, each once."""
    ids = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *sets]).astype(np.int64, copy=False))
    first = np.ones(ids.size, dtype=np.bool_)
    np.not_equal(ids[1:], ids[:-1], out=first[1:])
    return ids[first]


def without(ids: NDArray[np.integer], others: NDArray[np.integer]) -> Ids:
    """The ids of a set that are not among `others`: int64, sorted, each once."""
    own = union(ids)
    ordered = np.sort(others)
    if ordered.size == 0:
        return own
    at = np.minimum(np.searchsorted(ordered, own), ordered.size - 1)
    return np.asarray(own[ordered[at] != own])


def in_full(index: Any, size: int) -> bool:  # noqa: ANN401 - whatever numpy indexes with
    """Whether an index is the positions 0 to `size` - 1 in this order: it takes all of an array."""
    if not isinstance(index, np.ndarray) or index.dtype.kind not in "iu" or index.shape != (size,):
        return False
    return bool((index == np.arange(size)).all())


def median(values: ArrayLike) -> float:
    """Median of all values of an array; NaN of none, and where one is NaN."""
    return float(column_medians(np.asarray(values).reshape(-1, 1))[0])


def column_medians(rows: NDArray[np.number]) -> NDArray[Any]:
    """Median of each column of `rows` [n, d], float [d]; NaN in a column that holds one, and of no rows."""
    kept = rows.dtype if rows.dtype.kind == "f" else np.dtype(np.float64)
    count = len(rows)
    if not count:
        return np.full(rows.shape[1], np.nan, dtype=kept)
    low, high = (count - 1) // 2, count // 2
    # The last place as well: NaN sorts behind everything.
    placed = np.partition(rows, sorted({low, high, count - 1}), axis=0)
    found = placed[low] if low == high else np.mean(placed[low : high + 1], axis=0, dtype=kept)
    return np.where(np.isnan(placed[-1]), placed[-1], found).astype(kept, copy=False)
