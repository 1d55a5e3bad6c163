"""Axes: from numbers to a share of an axis' length, and the ticks on it."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.frozen import record
from rowscope.inspector.text import real

# Positive values that span more than this factor are drawn on a logarithmic scale.
_WIDE: Final = 50.0
_TICKS: Final = 6


@record
class Scale:
    """An axis from `low` to `high`; on a logarithmic one what is below `low` stands at the edge.

    `whole`: numbers are counts or ids.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def share(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """float64 [n] in [0, 1]: where finite values lie along the axis."""
        kept = np.clip(np.asarray(values, dtype=np.float64), self.low, self.high)
        if self.log:
            return np.asarray(np.log(kept / self.low) / math.log(self.high / self.low))
        return np.asarray((kept - self.low) / (self.high - self.low))

    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers on the axis: share and words."""
        values = self._powers() if self.log else self._steps()
        shares = self.share(np.array(values)).tolist()
        whole = self.whole or (max(map(abs, values)) >= 1000 and all(value % 1 == 0 for value in values))
        said = [f"{value:,.0f}" if whole else _short(real(value)) for value in values]
        if self.log and values[0] < 1e-3:  # one spelling along the axis, and the shorter one
            said = [
                f"{value:.0e}" if value < 1e-2 else word for value, word in zip(values, said, strict=True)
            ]
        return list(zip(shares, said, strict=True))

    def _steps(self) -> list[float]:
        rough = (self.high - self.low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{at * step:.12g}") for at in range(first, last + 1)]

    def _powers(self) -> list[float]:
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        every = max(1, math.ceil((last - first + 1) / _TICKS))
        found = [10.0**at for at in range(first, last + 1, every)]
        return found or [self.low, self.high]


def _short(number: str) -> str:
    """`1e-05` for `1.000e-05`: the room beside an axis is narrow."""
    return number.replace(".000e", "e")


def scale_of(values: NDArray[np.floating[Any]], *, magnitude: bool = False) -> Scale | None:
    """The axis that holds all finite values, or None where there are none.

    `magnitude`: values are at least 0, and an axis of theirs starts there, or is logarithmic where the
    positive ones span a factor of more than 50.
    """
    finite = np.asarray(values[np.isfinite(values)], dtype=np.float64)
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    if magnitude:
        positive = finite[finite > 0]
        if positive.size and high / float(positive.min()) > _WIDE:
            return Scale(float(positive.min()), high, log=True)
        return Scale(0.0, high * 1.02 or 1.0)
    room = 0.02 * (high - low) or max(abs(high), 1.0) * 0.01
    return Scale(low - room, high + room)
