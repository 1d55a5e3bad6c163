"""What a scan returns: one entry a row, and column statistics per group of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import in_full
from rowscope.inspector.frozen import Comparable
from rowscope.kernels.results import RowColumns

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RowTable(Comparable):
    """Quantities of n rows as arrays of shape (n,), in the order asked for.

    Attributes:
        ids: row numbers.
        zeros, nan, pos_inf, neg_inf: counts of elements; -0 counts as zero.
        sum, sumsq, l1: of the elements, their squares, their magnitudes; IEEE rules in rows not finite.
        min, max: NaN where the row holds a NaN.
        m2: sum of squared deviations from the row's own mean.
        fingerprint: 64-bit hash of the row's bits, -0 read as +0: equal rows of one dtype have equal ones.
        width: elements of a row.
        extreme: norm and standard deviation, by position, of the F64 rows whose squares leave the range
            of float64.
    """

    ids: Integers
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
    width: int
    extreme: Mapping[int, tuple[float, float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.ids.size)

    @property
    def nonzero(self) -> Integers:
        """Elements that are not 0; NaN and infinities are not."""
        return np.asarray(self.width - self.zeros)

    @property
    def inf(self) -> Integers:
        return np.asarray(self.pos_inf + self.neg_inf)

    @property
    def finite(self) -> NDArray[np.bool_]:
        """Whether no element is NaN or infinite."""
        return np.asarray((self.nan == 0) & (self.pos_inf == 0) & (self.neg_inf == 0))

    @property
    def mean(self) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(self.sum / self.width)

    @property
    def std(self) -> Floats:
        """Sample standard deviation (n - 1); NaN for rows of one element."""
        with np.errstate(all="ignore"):
            return self._patched(np.sqrt(self.m2 / (self.width - 1)), 1)

    @property
    def norm(self) -> Floats:
        """Euclidean norm."""
        with np.errstate(all="ignore"):
            return self._patched(np.sqrt(self.sumsq), 0)

    @property
    def absmax(self) -> Floats:
        return np.asarray(np.maximum(np.abs(self.min), np.abs(self.max)))

    @cached_property
    def by_fingerprint(self) -> NDArray[np.integer]:
        """Positions in the order of the fingerprints, those of equal ones ascending."""
        order = np.argsort(self.fingerprint, kind="stable")
        return order.astype(np.int32) if order.size < 1 << 31 else order  # it is kept

    def take(self, index: Any) -> RowTable:  # noqa: ANN401 - whatever numpy indexes one axis with
        """The entries that `index` (a slice, a mask, positions) selects; all of them are the same table."""
        if in_full(index, len(self)):
            return self
        names = RowColumns.names()
        kept = {name: np.atleast_1d(getattr(self, name)[index]) for name in names}
        extreme = {}
        if self.extreme:
            positions = np.atleast_1d(np.arange(len(self))[index])
            extreme = {
                new: self.extreme[int(old)] for new, old in enumerate(positions) if int(old) in self.extreme
            }
        return RowTable(ids=np.atleast_1d(self.ids[index]), width=self.width, extreme=extreme, **kept)

    def _patched(self, values: Floats, which: int) -> Floats:
        for at, pair in self.extreme.items():
            values[at] = pair[which]
        return np.asarray(values)


@dataclass(frozen=True, eq=False)
class GroupColumns(Comparable):
    """Column statistics of G groups of rows of width d. Only rows whose elements are all finite count.

    Attributes:
        rows: rows counted, shape (G,).
        mean: column means, shape (G, d); NaN for a group without rows.
        scatter: sum over rows of |row - mean|^2, shape (G,); exactly 0 for exact copies.
        unit_rows: rows of norm > 0, shape (G,).
        unit_sum: sum of row / |row| over those, shape (G, d).
    """

    rows: Integers
    mean: Floats
    scatter: Floats
    unit_rows: Integers
    unit_sum: Floats
