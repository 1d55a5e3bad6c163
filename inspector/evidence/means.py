"""Mean rows, and which rows lie where a mean is: that is where added rows start."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.frozen import record
from rowscope.kernels.formats import Format

Rows = NDArray[np.float64]

# Rows whose sine to a mean is at most this lie on it. A row that transformers draws around the mean lies
# within 0.0016 of its length; the nearest other row of six real models at 0.356.
NEAR: Final = 0.02
# Where more than this part of the used rows lies on the mean, it is no place for added rows alone.
_RARE: Final = 0.01


class PartialLook(Exception):  # noqa: N818 - no error: it asks for the whole matrix
    """A row lies so near to a mean that only the mean of all rows can tell whether it is that mean."""


@record
class Means:
    """Mean rows of a matrix.

    Attributes:
        words: what each is a mean of, by kind of recipe.
        rows: float64 [k, d], one for each of `words`.
        error: how far each is from the true mean, as a sine, at most; zeros where the whole matrix was read.
        tolerance: sine up to which a row is a mean, with the rounding of the stored numbers.
        rare: False where many used rows lie on a mean, so that lying there says nothing.
    """

    words: tuple[tuple[str, str], ...]
    rows: Rows
    error: NDArray[np.float64]
    tolerance: float
    rare: bool

    def at(self, row: Rows) -> bool:
        """Whether a row [d] lies on a mean.

        Raises:
            PartialLook: only the whole matrix can tell.
        """
        return bool(self.which(row[None])[0] >= 0)

    def which(self, rows: Rows) -> NDArray[np.int64]:
        """Number of the mean on which each row [n, d] lies, -1 for none; whatever the row's length.

        Raises:
            PartialLook: only the whole matrix can tell of one of them.
        """
        found = np.full(len(rows), -1, dtype=np.int64)
        if not self.rare:
            return found
        for number, mean in enumerate(self.rows):
            away = sines(rows, mean)
            if self.error[number] > 0 and bool((away <= self.tolerance + self.error[number]).any()):
                raise PartialLook
            found[(found < 0) & (away <= self.tolerance)] = number
        return found


def sines(rows: Rows, direction: Rows) -> NDArray[np.float64]:
    """Sine of the angle between each row [n, d] and a direction [d]: 1 for rows that lean away, or zero."""
    with np.errstate(all="ignore"):
        along = rows @ (direction / np.linalg.norm(direction))
        # Cancellation leaves 1e-8 of a sine, far below any tolerance.
        found = np.sqrt(np.maximum(1 - along**2 / np.einsum("ij,ij->i", rows, rows), 0))
    return np.where((along > 0) & np.isfinite(found), found, 1.0)


def make_means(
    words: tuple[tuple[str, str], ...], rows: Rows, bulk: Rows, form: Format, missed: float = 0.0
) -> Means:
    """Means of a matrix, or estimates of them; `bulk` float64 [n, d] are used rows.

    `missed`: how far estimates are from the true means, `missed_by`; 0 for means of all rows.
    """
    sizes = np.maximum(np.linalg.norm(rows, axis=1), np.finfo(np.float64).tiny)
    error = np.minimum(1.5 * missed / sizes, 0.9)
    tolerance = max(NEAR, rounding(form))
    shares = [float(np.mean(sines(bulk, row) <= tolerance)) for row in rows] if len(bulk) else [0.0]
    return Means(words, rows, error, tolerance, max(shares, default=0.0) <= _RARE)


def missed_by(rows: Rows, places: NDArray[np.int64]) -> float:
    """How far the mean of a sample of rows [n, d] is from that of all, as a standard deviation.

    The mean of n rows misses the true one by their scatter over sqrt(n); that of k runs of neighbours, one
    from each part of the vocabulary, by what the runs' means change from one part to the next (the successive
    differences of systematic sampling: Wolter, Introduction to Variance Estimation, 8.2). `places` [n],
    sorted, is the same for rows of one run.
    """
    if not len(rows):
        return 0.0
    apart = float(np.sqrt(np.var(rows, axis=0).sum() / len(rows)))
    begins = np.flatnonzero(np.diff(places, prepend=-1))
    if not 1 < begins.size < len(rows):
        return apart
    sizes = np.diff(begins, append=len(rows))
    steps = np.diff(np.add.reduceat(rows, begins, axis=0) / sizes[:, None], axis=0)
    return max(apart, float(np.sqrt((steps * steps).sum() / (2 * len(steps) * begins.size))))


def rounding(form: Format) -> float:
    """Twice the relative rounding of a stored number: 2^-m / sqrt(12), root mean square, m mantissa bits."""
    if form.family != "float":
        return NEAR
    return float(2 * 2.0 ** -(form.bits - 1 - form.exponent) / np.sqrt(12))
