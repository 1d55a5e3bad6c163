"""What the rounding of a quantised table hides: copies prove less, edges lie no lower, few bits say less.

A row of a quantised table lies at a known expected distance from what it was (`RowReader.noise`).
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median
from rowscope.inspector.evidence.look import sample
from rowscope.inspector.evidence.model import LOW, NONFINITE, SHARE, ZERO, Reference
from rowscope.inspector.evidence.state import Judgement
from rowscope.inspector.rows import RowReader

# With fewer bits than this a verdict is a level less sure.
_ENOUGH_BITS: Final = 5
# Equal rows are copies where rounding hides less than this part of the used rows' median distance.
_COPY: Final = 0.01
_SIGMAS: Final = 4.0
_ROWS: Final = 256


def beyond_noise(reference: Reference, reader: RowReader) -> Reference:
    """The reference with an edge that rounding alone does not pass.

    Rows that were near-copies round alike: they tie, and their scatter no longer shows what rounding does to
    a row beside them, nor to their centre. What their scatter lacks of it, for both, is added in quadrature.
    Along the line to the centre a row's rounding has the size noise / sqrt(d): the cut gives way by as much,
    so that no row is lost that lay on the cut.
    """
    if reader.grain_bits is None:
        return reference
    noise = median(reader.noise(sample(reference.candidates, _ROWS)))
    lacking = 2 * max(noise**2 - reference.radius**2, 0.0)
    cut = float(np.sqrt(reference.cut**2 + lacking)) + _SIGMAS * noise / np.sqrt(reader.width)
    edge = float(np.sqrt(max(cut**2 - (SHARE * reference.bulk) ** 2, 0.0)))
    return dataclasses.replace(reference, edge=edge)


def proven_copies(state: Judgement, group: NDArray[np.int64], unit: float) -> tuple[NDArray[np.int64], bool]:
    """Groups of equal rows int64 [n] less those that rounding alone can make equal, and whether the others
    are copies to the bit; `unit` is the median distance of used rows."""
    if state.reader.grain_bits is None:
        return group, True
    members = np.flatnonzero(group >= 0)
    if not members.size:
        return group, False
    _, first = np.unique(group[members], return_index=True)
    noise = state.reader.noise(state.table.ids[members[first]])
    kept = np.flatnonzero(noise <= SHARE * unit)
    proven = np.where(np.isin(group, group[members[first[kept]]]), group, -1)
    return proven, bool(kept.size) and float(noise[kept].max()) <= _COPY * unit


def less_sure(state: Judgement) -> None:
    """Lower every confidence by a level where a stored element has few bits; a row that is zero or not finite
    is so whatever the grain."""
    bits = state.reader.grain_bits
    if bits is None or bits >= _ENOUGH_BITS:
        return
    doubtful = ~np.isin(state.verdict, (ZERO, NONFINITE))
    state.confidence[doubtful] = np.maximum(state.confidence[doubtful] - 1, LOW)
