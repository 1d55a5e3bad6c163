"""What distilling gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.frozen import record
from rowscope.inspector.model.results import ProbeResult


@record(eq=False)
class DistilledRow:
    """One new token's input row.

    Attributes:
        pieces: ids of the tokens that its text is made of now.
        texts: in which it occurs; positions: hidden states compared in them.
        values: float64 [d].
        before, after: mean squared difference of the last hidden states to those with the pieces, relative to
            these states' mean square, of the mean of the pieces' rows and of the distilled row.
        evaluations: of that loss, with its gradient.
        output_mean, output_max: probability that the token would take at these positions if the row were its
            output row, too, as in a tied model; NaN in others.
    """

    token: str
    id: int
    pieces: tuple[int, ...]
    texts: int
    positions: int
    values: NDArray[np.float64]
    before: float
    after: float
    evaluations: int
    output_mean: float
    output_max: float


@dataclass(frozen=True, kw_only=True, eq=False)
class DistilResult(ProbeResult):
    """Result of `distil`: a row for each token, in order."""

    probe: ClassVar[str] = "distil"

    steps: int
    rows: tuple[DistilledRow, ...]
