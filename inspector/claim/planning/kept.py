"""What rows that keep their values are like, from a few hundred rows: a scan would outlast the claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import RESERVED, USED
from rowscope.inspector.claim.model import Claimed
from rowscope.inspector.claim.planning.row_cautions import Present
from rowscope.inspector.claim.values.targets import Target
from rowscope.inspector.evidence import sample
from rowscope.inspector.rows import open_rows

_SAMPLE: Final = 256
_ALIKE: Final = 0.99  # cosine; rows of trained tokens are rarely above 0.9
_VANISHED: Final = 0.1  # of the used rows' median norm, as in the full judgement


def kept_rows(target: Target, claimed: Sequence[Claimed], codes: NDArray[np.int8]) -> Present:
    """The claimed rows beside the other reserved rows and the used ones; `codes` as of the census.

    A row is `collapsed` where its cosine to the direction of the other reserved rows is near 1; it is called
    `trained` where those share a direction and it does not. Otherwise nothing is said of it.
    """
    codes = codes[: target.matrix.rows]
    ids = np.array([claim.id for claim in claimed], dtype=np.int64)
    others = np.setdiff1d(np.flatnonzero(np.isin(codes, RESERVED)), ids)
    used = np.setdiff1d(np.flatnonzero(np.isin(codes, USED)), ids)
    with open_rows(target.matrix) as reader:
        rows = reader.decode(ids)
        near, far = (reader.decode(sample(pool, _SAMPLE)) for pool in (others, used))
    with np.errstate(all="ignore"):
        norms = np.linalg.norm(rows, axis=1)
        usual = float(np.median(np.linalg.norm(far, axis=1))) if len(far) else 0.0
        towards, agreement = _direction(near)
        cosines = rows @ towards / norms
    verdicts = [
        _verdict(float(norm), float(cosine), usual, agreement)
        for norm, cosine in zip(norms, cosines, strict=True)
    ]
    note = f"compared with {len(sample(others, _SAMPLE))} other reserved rows"
    return Present(tuple(verdicts), note, referred=True)


def _direction(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The mean direction of rows [n, d], of norm 1, and the median cosine of the rows to it (0 for none)."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    units = (rows / norms)[(norms[:, 0] > 0) & np.isfinite(norms[:, 0])]
    centre = units.sum(axis=0)
    size = float(np.linalg.norm(centre))
    if size == 0:
        return centre, 0.0
    return centre / size, float(np.median(units @ centre / size))


def _verdict(norm: float, cosine: float, usual: float, agreement: float) -> str:
    if not np.isfinite(norm):
        return "nonfinite"
    if norm == 0:
        return "zero"
    if norm <= _VANISHED * usual:
        return "vanishing"
    if agreement < _ALIKE:
        return "not judged"
    return "collapsed" if cosine >= _ALIKE else "trained"
