"""What a scan fills in: one entry a row, and sums per group of rows that merge in any fixed order."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels.lines import zeros_on_lines

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowColumns:
    """Quantities of n rows, each an array of shape (n,).

    Attributes:
        zeros, nan, pos_inf, neg_inf: counts of elements.
        sum, sumsq, l1: of the elements, their squares and their magnitudes.
        min, max: NaN where the row holds a NaN.
        m2: sum of squared deviations from the row's own mean.
        fingerprint: see `rowscope.kernels.fingerprint`.
        extreme: norm and standard deviation of the finite rows whose squares leave the range of
            float64, by position.
    """

    zeros: Integers
    nan: Integers
    pos_inf: Integers
    neg_inf: Integers
    sum: Floats
    sumsq: Floats
    l1: Floats
    min: Floats
    max: Floats
    m2: Floats
    fingerprint: NDArray[np.uint64]
    extreme: dict[int, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def allocate(cls, rows: int) -> Self:
        # Counts are nearly always 0: np.zeros hands out pages that take no memory until they are written.
        zeros, nan, pos_inf, neg_inf = np.zeros((4, rows), dtype=np.int64)
        total, squares, l1, low, high, m2, prints = np.empty((7, rows), dtype=np.float64)
        return cls(zeros, nan, pos_inf, neg_inf, total, squares, l1, low, high, m2, prints.view(np.uint64))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The per-row arrays by name."""
        return {name: getattr(self, name) for name in self.names()}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(entry.name for entry in fields(cls) if entry.name != "extreme")

    def part(self, start: int, stop: int) -> Self:
        """Views of the entries [start, stop), with an `extreme` of their own."""
        return type(self)(*(array[start:stop] for array in self.arrays().values()))  # type: ignore[arg-type]

    def put(self, positions: Integers, rows: RowColumns) -> None:
        """Overwrite the entries at `positions` with `rows`."""
        for name, array in self.arrays().items():
            array[positions] = getattr(rows, name)
        self.extreme.update((int(positions[at]), pair) for at, pair in rows.extreme.items())


@dataclass(slots=True)
class GroupSums:
    """Column sums of G groups of finite rows of width d, about a pivot.

    Copies scatter by exactly 0: for rows that scatter little about their mean the pivot is one of the rows.

    Attributes:
        rows: rows added, shape (G,).
        pivot: 0, or the first row added, shape (G, d).
        shift: sum of row - pivot, shape (G, d).
        squares: sum of |row - pivot|^2, shape (G,).
        unit_rows: rows of norm > 0 added, shape (G,).
        unit_sum: sum of row / |row| over those, shape (G, d).
    """

    rows: Integers
    pivot: Floats
    shift: Floats
    squares: Floats
    unit_rows: Integers
    unit_sum: Floats

    @classmethod
    def allocate(cls, groups: int, width: int) -> Self:
        return cls(
            rows=np.zeros(groups, dtype=np.int64),
            pivot=np.zeros((groups, width)),
            shift=zeros_on_lines(groups, width),
            squares=np.zeros(groups),
            unit_rows=np.zeros(groups, dtype=np.int64),
            unit_sum=zeros_on_lines(groups, width, 2048),
        )

    def clear(self) -> None:
        """Make it empty again."""
        for array in (self.rows, self.pivot, self.shift, self.squares, self.unit_rows, self.unit_sum):
            array.fill(0)

    def mean(self, group: int) -> Floats:
        """Column means of a group that has rows, shape (d,)."""
        return np.asarray(self.pivot[group] + self.shift[group] / self.rows[group])

    def scatter(self, group: int) -> float:
        """Sum of |row - mean|^2 of a group that has rows."""
        moved = self.shift[group]
        return max(float(self.squares[group] - (moved * moved).sum() / self.rows[group]), 0.0)


@dataclass(slots=True)
class GroupTotals:
    """Merged `GroupSums`: pairwise update of mean and scatter after Chan, Golub, LeVeque (1979), eq. 1.5."""

    rows: Integers
    mean: Floats
    scatter: Floats
    unit_rows: Integers
    unit_sum: Floats

    @classmethod
    def allocate(cls, groups: int, width: int) -> Self:
        return cls(
            rows=np.zeros(groups, dtype=np.int64),
            mean=np.zeros((groups, width)),
            scatter=np.zeros(groups),
            unit_rows=np.zeros(groups, dtype=np.int64),
            unit_sum=np.zeros((groups, width)),
        )

    def add(self, sums: GroupSums) -> None:
        with np.errstate(all="ignore"):  # sums of huge F64 rows may overflow, as they do in numpy
            self._add(sums)

    def _add(self, sums: GroupSums) -> None:
        for group in map(int, np.flatnonzero(sums.rows)):
            have, more = int(self.rows[group]), int(sums.rows[group])
            step = sums.mean(group) - self.mean[group]
            self.mean[group] += step * (more / (have + more))
            between = float((step * step).sum()) * (have * more / (have + more)) if have else 0.0
            self.scatter[group] += sums.scatter(group) + between
            self.rows[group] = have + more
            self.unit_rows[group] += sums.unit_rows[group]
            self.unit_sum[group] += sums.unit_sum[group]
