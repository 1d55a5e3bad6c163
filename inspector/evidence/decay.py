"""Numbers of a whole matrix: the shift of its mean, and the weight decay of training where that is exact."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median
from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.model import FRESH, NONFINITE, TRAINED, ZERO, MatrixEvidence
from rowscope.inspector.frozen import record
from rowscope.inspector.rows import RowReader, RowTable

_SAMPLE: Final = 512
_LEAST_ROWS, _LEAST_ELEMENTS = 3, 2_000
_SIGMAS: Final = 6.0

# Smallest normal numbers: below, rounding is no longer small beside the value.
_TINY: Final = {"F64": 2.0**-1022, "F32": 2.0**-126, "BF16": 2.0**-126, "F16": 2.0**-14}


@record
class WeightDecay:
    """What weight decay did to rows without a gradient, -ln(std / initializer_range).

    AdamW (arXiv 1711.05101) multiplies such a row by 1 - eta_t lambda at every step, so `total` is the sum of
    -ln(1 - eta_t lambda) over training: nearly the sum of eta_t lambda.

    Attributes:
        total: without a unit.
        error: standard error of `total`, 1 / sqrt(2 n d), from the n d random numbers of the start.
        rows: how many rows it rests on.
        std: root mean square of their elements, about 0.
        initializer_range: standard deviation of the start, by the config.
    """

    total: float
    error: float
    rows: int
    std: float
    initializer_range: float


def mean_shift(mean: NDArray[np.float64], table: RowTable) -> float:
    """|mean| / median norm of the finite rows; `mean` float64 [d] is theirs. NaN where the median is 0."""
    norms = table.norm[table.finite]
    middle = median(norms) if norms.size else 0.0
    return float(np.linalg.norm(mean)) / middle if middle else math.nan


def unseen(evidence: MatrixEvidence, candidates: Candidates) -> NDArray[np.int64]:
    """Rows believed untrained, by ids, that look so and hold numbers; `evidence` is of a whole matrix."""
    other = np.isin(evidence.verdict[candidates.believed], (TRAINED, FRESH, NONFINITE, ZERO))
    return candidates.believed[~other]


def weight_decay(
    reader: RowReader, ids: NDArray[np.int64], initializer_range: float | None
) -> WeightDecay | None:
    """The decay of an untied input matrix, from its rows `ids` (sorted int64) that no step has read.

    None where they do not lie as a random start that shrank: independent of each other, of one length,
    normally distributed, smaller than at the start by more than chance (rows of the start's own size may have
    been added afterwards). The caller answers for "untied" and "input": in an output matrix the softmax
    pushes every row at every step, and nothing is exact.
    """
    stored = reader.ref.dtype  # of quantised rows the codes': their values are rounded too coarsely
    if initializer_range is None or not initializer_range > 0 or stored not in _TINY:
        return None
    if ids.size > _SAMPLE:
        ids = ids[np.linspace(0, ids.size - 1, _SAMPLE).astype(np.int64)]
    count, width = ids.size, reader.width
    if count < _LEAST_ROWS or count * width < _LEAST_ELEMENTS:
        return None
    rows = reader.decode(ids)
    std = float(np.sqrt(np.mean(rows**2)))
    if not std > 16 * _TINY[stored] or not _random(rows / std):
        return None
    error = 1 / math.sqrt(2 * count * width)
    total = -math.log(std / initializer_range)
    return None if total < _SIGMAS * error else WeightDecay(total, error, count, std, initializer_range)


def _random(rows: NDArray[np.float64]) -> bool:
    """Whether rows [n, d] of unit mean square are independent draws of the normal distribution around 0."""
    count, width = rows.shape
    # n |mean|^2 / d is chi-squared over d, for independent rows.
    together = count * float(np.sum(rows.mean(axis=0) ** 2)) / width
    lengths = np.mean(rows**2, axis=1)
    kurtosis = float(np.mean(rows**4))
    return (
        together <= 1 + _SIGMAS * math.sqrt(2 / width)
        and bool(np.all(np.abs(lengths - 1) <= _SIGMAS * math.sqrt(2 / width)))
        and abs(kurtosis - 3) <= _SIGMAS * math.sqrt(24 / rows.size)
    )
