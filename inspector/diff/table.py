"""What a comparison is made of: one entry per common row, and what the rows are called."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import RoledToken
from rowscope.inspector.frozen import Comparable, record
from rowscope.inspector.vocabulary import Vocabulary

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@record(eq=False)
class PairTable(Comparable):
    """One entry per common row, arrays of shape (n,), in row order.

    Attributes:
        distance: Euclidean distance of the two rows, summed in float64.
        relative: distance / norm of the base row; 0 for equal rows, infinite where a zero row changed.
        cosine: of the two rows; 1 exactly for equal ones, NaN where one is zero or not finite.
        norm_base, norm_tuned: Euclidean norms.
        changed_elements: int64, elements whose values differ.
        identical: no element changed. Within one dtype the bits decide (-0 equals +0), else the values.
        rounded: not identical, but equal once one side is rounded to the dtype of the other.
        finite: no NaN or infinity in either row; distance and cosine are NaN where there is one.
    """

    distance: Floats
    relative: Floats
    cosine: Floats
    norm_base: Floats
    norm_tuned: Floats
    changed_elements: NDArray[np.int64]
    identical: Flags
    rounded: Flags
    finite: Flags

    def __len__(self) -> int:
        return int(self.distance.size)

    @property
    def changed(self) -> Flags:
        """Rows that differ by more than rounding to the other side's dtype."""
        return np.asarray(~self.identical & ~self.rounded)


@record(eq=False)
class Names(Comparable):
    """What the rows are called and used for, on either side.

    `base_codes` and `tuned_codes` are int8 census groups of every id that is a row or a token on either side.
    `roles` are the tuned side's.
    """

    base: Vocabulary | None
    tuned: Vocabulary | None
    base_codes: NDArray[np.int8]
    tuned_codes: NDArray[np.int8]
    roles: Mapping[int, RoledToken]
