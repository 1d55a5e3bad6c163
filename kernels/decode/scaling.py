"""Levels and scales of quantised rows -> float32 values, in the owning libraries' order of operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Singles = NDArray[np.float32]

Numbers = NDArray[Any]
"""Scales and the like: float32, or as they are stored, float16 or the bits of bfloat16 as uint16."""

KINDS = tuple(map(np.dtype, ("<f4", "<f2", "<u2")))
"""Element types of `Numbers`: the compiled kernels know them by their place here."""


def widen(numbers: Numbers) -> Singles:
    """The same numbers as float32."""
    if numbers.dtype == np.uint16:
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    return np.asarray(numbers, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Scaling:
    """What turns levels into values, for n rows of G groups.

    Attributes:
        group: columns that share a scale; the last group may be narrower.
        scale: shape (n, G), or (1, G) where all rows share it.
        zero: subtracted from the level before it is scaled, shape (n, G) or (1, G); None for 0.
        offset: added to the scaled level, of the same shapes; None for 0.
        columns: the group of each column, int64 (width,), where it does not follow from `group`.
        factor: float32 factor of every value, taken last.
    """

    group: int
    scale: Numbers
    zero: Numbers | None = None
    offset: Numbers | None = None
    columns: NDArray[np.int64] | None = None
    factor: float = 1.0


def scale_levels(levels: Singles, scaling: Scaling) -> Singles:
    """Values of rows of levels, float32 (n, width), each operation rounded to float32: (level - zero) *
    scale, or scale * level + offset."""
    width = levels.shape[1]
    with np.errstate(all="ignore"):
        values = levels
        if scaling.zero is not None:
            values = values - _spread(scaling.zero, scaling, width)
        values = values * _spread(scaling.scale, scaling, width)
        if scaling.offset is not None:
            values = values + _spread(scaling.offset, scaling, width)
        if scaling.factor != 1.0:
            values = values * np.float32(scaling.factor)
    return np.ascontiguousarray(values, dtype=np.float32)


def _spread(numbers: Numbers, scaling: Scaling, width: int) -> Singles:
    """A number a group as a number a column."""
    wide = widen(numbers)
    if scaling.columns is not None:
        return wide[:, scaling.columns]
    if wide.shape[1] == 1:
        return wide
    return np.repeat(wide, scaling.group, axis=1)[:, :width]
