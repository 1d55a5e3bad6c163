"""Rows that an adapter trains and that are still the base's: they were never trained."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.matrices import Change, Matrix
from rowscope.inspector.rows import any_value, open_rows

# Half of the last place of the narrow floats that adapters are saved in: a value of the base rounds that far.
_ROUNDING: Final = {"BF16": 2.0**-9, "F16": 2.0**-11, "F32": 2.0**-24}

NONE: Final = np.empty(0, dtype=np.int64)


def unmoved_rows(matrix: Matrix, checkpoint: Checkpoint) -> NDArray[np.int64]:
    """Ids (sorted int64) of the rows that the adapter has values of its own for and that equal the base's.

    All rows of the table where the adapter's low-rank change is zero. None without the base.
    """
    change = matrix.change
    if change is None or checkpoint.base is None or matrix.undecodable is not None:
        return NONE
    if change.tokens is not None:
        return _tokens(matrix, change, checkpoint.base)
    if change.a is not None and change.b is not None and change.magnitude is None:
        zero = not any_value(change.b) or not any_value(change.a)
        return np.arange(matrix.rows, dtype=np.int64) if zero else NONE
    return NONE


def _tokens(matrix: Matrix, change: Change, base: Checkpoint) -> NDArray[np.int64]:
    below = base.layout.of_role("input" if matrix.role == "both" else matrix.role)
    if below is None or below.undecodable is not None or change.tokens is None:
        return NONE
    ids = np.array(sorted(set(change.ids)), dtype=np.int64)
    ids = ids[ids < below.rows]
    with open_rows(matrix) as now, open_rows(below) as before:
        new, old = now.decode(ids), before.decode(ids)
    exact = _ROUNDING.get(below.dtype, 0.0) >= _ROUNDING.get(change.tokens.dtype, 0.0)
    near = 0.0 if exact else _ROUNDING.get(change.tokens.dtype, 0.0)
    same = np.abs(new - old) <= near * np.abs(old)
    return np.asarray(ids[same.all(axis=1)])
