"""Row table and column sums -> statistics of each group of rows, in the terms of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median
from rowscope.inspector.frozen import record
from rowscope.inspector.rows.table import GroupColumns, RowTable

NAN: Final = float("nan")


@record
class NormStats:
    """Row L2 norms of a group: over finite rows; NaN where there are none. `std` is over n - 1."""

    mean: float
    std: float
    min: float
    median: float
    max: float


@record
class GroupStats:
    """One group of rows of one matrix.

    Attributes:
        rows, elements: counts.
        mean, std, min, max: over all elements, as torch prints them: NaN as soon as one element is NaN.
            `std` is over n - 1.
        nonzero, nonzero_ratio, nan, inf: counts of elements, and their share.
        norm: row norms.
        distinct_rows: number of different rows, by fingerprint.
        largest_duplicate: how many rows the commonest row has (1 = every row differs).
        between_row_std: root mean square, over elements, of row minus the group's mean row.
        pairwise_cosine: mean cosine over all pairs of finite rows that are not zero:
            (|sum of unit rows|^2 - n) / (n (n - 1)).
    """

    rows: int
    elements: int
    mean: float
    std: float
    min: float
    max: float
    nonzero: int
    nonzero_ratio: float
    nan: int
    inf: int
    norm: NormStats
    distinct_rows: int
    largest_duplicate: int
    between_row_std: float
    pairwise_cosine: float


def group_statistics(
    table: RowTable,
    codes: NDArray[np.int8],
    columns: GroupColumns,
    groups: Mapping[str, tuple[int, ...]],
) -> Mapping[str, GroupStats]:
    """Statistics of each group, named by the codes of its rows; a group without rows is left out.

    Args:
        codes: int8 [rows], the code of every row.
        groups: name -> codes that belong to it.
    """
    stats = {}
    norm, mean = table.norm, table.mean
    for name, members in groups.items():
        chosen = np.isin(codes, members)
        if chosen.any():
            stats[name] = _statistics(table, chosen, norm[chosen & table.finite], mean, columns, members)
    return stats


def _statistics(
    table: RowTable,
    chosen: NDArray[np.bool_],
    norm: NDArray[np.float64],
    mean: NDArray[np.float64],
    columns: GroupColumns,
    members: tuple[int, ...],
) -> GroupStats:
    rows = int(np.count_nonzero(chosen))
    elements = rows * table.width
    nonzero = elements - int(table.zeros[chosen].sum())
    copies = _copies(table, chosen)
    total = float(np.sum(table.sum[chosen]))
    return GroupStats(
        rows=rows,
        elements=elements,
        mean=total / elements if elements else NAN,
        std=_element_std(float(np.sum(table.m2[chosen])), mean[chosen], total, table.width),
        min=float(np.min(table.min[chosen])),
        max=float(np.max(table.max[chosen])),
        nonzero=nonzero,
        nonzero_ratio=nonzero / elements if elements else NAN,
        nan=int(table.nan[chosen].sum()),
        inf=int(table.inf[chosen].sum()),
        norm=norm_statistics(norm),
        distinct_rows=int(copies.size),
        largest_duplicate=int(copies.max()),
        between_row_std=_between_row_std(columns, members),
        pairwise_cosine=_pairwise_cosine(columns, members),
    )


def _copies(table: RowTable, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How often each fingerprint occurs among the chosen rows, at least one of them; shape (distinct,)."""
    order = table.by_fingerprint
    prints = table.fingerprint[order[chosen[order]]]
    starts = np.flatnonzero(prints[1:] != prints[:-1]) + 1
    return np.diff(np.concatenate(([0], starts, [prints.size])))


def _element_std(m2: float, mean: NDArray[np.float64], total: float, width: int) -> float:
    """Sample standard deviation over all elements, from each row's own deviations (Chan et al. 1983).

    `m2` is the sum of theirs, `mean` float64 [n] their means, which are overwritten.
    """
    elements = mean.size * width
    if elements < 2:
        return NAN
    # NaN and infinite rows make the result NaN, as they do in torch; numpy need not warn of it.
    with np.errstate(invalid="ignore", over="ignore"):
        mean -= total / elements
        mean *= mean
        return float(np.sqrt((m2 + width * np.sum(mean)) / (elements - 1)))


def norm_statistics(norms: NDArray[np.float64]) -> NormStats:
    """Mean, std (n - 1), min, median and max of float64 norms [n]."""
    if norms.size == 0:
        return NormStats(NAN, NAN, NAN, NAN, NAN)
    return NormStats(
        mean=float(np.mean(norms)),
        std=float(np.std(norms, ddof=1)) if norms.size > 1 else NAN,
        min=float(np.min(norms)),
        median=median(norms),
        max=float(np.max(norms)),
    )


def _between_row_std(columns: GroupColumns, members: tuple[int, ...]) -> float:
    index = [g for g in members if columns.rows[g] > 0]
    if not index:
        return NAN
    counts = columns.rows[index].astype(np.float64)
    means = columns.mean[index]
    centre = counts @ means / counts.sum()
    scatter = columns.scatter[index].sum() + (counts * ((means - centre) ** 2).sum(axis=1)).sum()
    return float(np.sqrt(scatter / (counts.sum() * means.shape[1])))


def _pairwise_cosine(columns: GroupColumns, members: tuple[int, ...]) -> float:
    index = list(members)
    n = int(columns.unit_rows[index].sum())
    if n < 2:
        return NAN
    total = columns.unit_sum[index].sum(axis=0)
    return float((total @ total - n) / (n * (n - 1)))
