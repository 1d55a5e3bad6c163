"""Rows believed untrained, by why, and the cores that are found among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence.cores import Core
from rowscope.inspector.evidence.look import Ids
from rowscope.inspector.frozen import record

Rows = NDArray[np.float64]


@record
class Source:
    """Rows of one belief: its name, sorted ids [n], values float64 [n, d]; `believed` is False for added
    tokens and exact repetitions, which count only where they are copies."""

    name: str
    ids: Ids
    rows: Rows
    believed: bool = True

    def keep(self, kept: NDArray[np.bool_]) -> Source:
        return Source(self.name, self.ids[kept], self.rows[kept], self.believed)


@record
class Found:
    """A core of one source beside the used rows: distances in the matrix's own unit.

    `few`: it is a small part of its source, whose other rows may have been trained.
    """

    source: Source
    core: Core
    bulk: float
    copies: bool
    few: bool = False

    @property
    def tightness(self) -> float:
        """Median distance of its rows in units of the used rows' median distance."""
        return self.core.radius / self.bulk if self.bulk > 0 else np.inf
