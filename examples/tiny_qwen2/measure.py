"""How far rows that training never touched stand apart from rows it did, in the saved weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OFTEN = 20

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Separation:
    """One indicator: quantiles of the cosine in both groups and the best single threshold.

    A row is called untrained where its cosine is at or above `threshold`. `recall` is the share
    of never-seen rows called so, `false_rate` the share of often-seen rows called so.
    """

    never_seen: dict[str, float]
    often_seen: dict[str, float]
    threshold: float
    recall: float
    false_rate: float


def cosines(rows: Floats, reference: Floats) -> Floats:
    """Cosine [n] of each row [n, d] with a vector [d]."""
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(reference)
    return np.asarray(rows @ reference / norms, dtype=np.float64)


def separate(values: Floats, never: NDArray[np.bool_], often: NDArray[np.bool_]) -> Separation:
    """The threshold with the largest recall minus false rate, half way into its gap."""
    known = np.unique(np.concatenate([values[never], values[often]]))
    middles = (known[1:] + known[:-1]) / 2
    recall = (values[never][None, :] >= middles[:, None]).mean(axis=1)
    false_rate = (values[often][None, :] >= middles[:, None]).mean(axis=1)
    best = int(np.argmax(recall - false_rate))
    return Separation(
        _quantiles(values[never]),
        _quantiles(values[often]),
        float(middles[best]),
        float(recall[best]),
        float(false_rate[best]),
    )


def _quantiles(values: Floats) -> dict[str, float]:
    points = {"min": 0.0, "1%": 0.01, "5%": 0.05, "50%": 0.5, "95%": 0.95, "99%": 0.99, "max": 1.0}
    return {name: float(np.quantile(values, point)) for name, point in points.items()}


def measure(matrix: Floats, counts: Counts, reserved: NDArray[np.int64]) -> dict[str, object]:
    """Raw and mean-centred cosines to the coordinate median of the reserved rows (JSON-ready).

    `matrix` [rows, d]; `counts` [rows], the times an id was read or to be predicted, whichever is
    more; `reserved`, the ids that have no token or a placeholder.
    """
    never, often = counts == 0, counts >= OFTEN
    centred = matrix - matrix.mean(axis=0)
    raw_cosine = cosines(matrix, np.median(matrix[reserved], axis=0))
    centred_cosine = cosines(centred, np.median(centred[reserved], axis=0))
    norms = np.linalg.norm(matrix, axis=1)
    return {
        "rows_never_seen": int(never.sum()),
        "rows_seen_rarely": int((~never & ~often).sum()),
        "rows_often_seen": int(often.sum()),
        "raw": vars(separate(raw_cosine, never, often)),
        "centred": vars(separate(centred_cosine, never, often)),
        "reserved_cosine": _quantiles(raw_cosine[reserved]),
        "norm": {"reserved": _quantiles(norms[reserved]), "often_seen": _quantiles(norms[often])},
    }
