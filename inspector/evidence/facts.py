"""Everything that checks look at: one checkpoint, read and measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import Census, RoledToken
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.evidence.decay import WeightDecay
from rowscope.inspector.evidence.holes import Hole, rows_of
from rowscope.inspector.evidence.model import MatrixEvidence
from rowscope.inspector.evidence.unmoved import NONE
from rowscope.inspector.frozen import record
from rowscope.inspector.matrices import Matrix
from rowscope.inspector.rows import GroupStats, RowTable
from rowscope.inspector.text import joined, say
from rowscope.inspector.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rowscope.inspector.evidence.markers import SplitMarker
    from rowscope.inspector.evidence.stops import Stops


@record
class MatrixFacts:
    """One matrix, scanned.

    Attributes:
        table: one entry per row, in row order.
        codes: int8 [rows], the group of every row.
        stats: statistics by group name; groups without rows are absent.
        evidence: reference, indicators, verdicts.
        mean_shift: norm of the mean of the finite rows / their median norm; NaN where that is 0.
        unmoved: int64 ids of rows that an adapter trains and that are still the base's.
        holes: runs of zero bytes that show that a piece of the file is missing.
        weight_decay: what decay did in training, for an untied input matrix where it can be told.
    """

    matrix: Matrix
    table: RowTable
    codes: NDArray[np.int8]
    stats: Mapping[str, GroupStats]
    evidence: MatrixEvidence
    mean_shift: float
    weight_decay: WeightDecay | None
    holes: tuple[Hole, ...] = ()
    unmoved: NDArray[np.int64] = field(default_factory=lambda: NONE)

    @property
    def damaged(self) -> NDArray[np.bool_]:
        """bool [rows]: rows that lie in a hole of the file; their zeros say nothing of training."""
        size = self.matrix.ref.nbytes // max(self.matrix.rows, 1)
        return rows_of(self.holes, size, self.matrix.rows)


@record
class Facts:
    """What a checkpoint's files say.

    Attributes:
        vocabulary: None where no tokenizer could be read.
        stops: where generation stops; None without a vocabulary, and where ids are no rows of the matrices.
        markers: markers of the chat templates that are no tokens.
    """

    checkpoint: Checkpoint
    vocabulary: Vocabulary | None
    census: Census
    tokens: tuple[RoledToken, ...]
    matrices: tuple[MatrixFacts, ...]
    unreachable: NDArray[np.int64] | None = None
    stops: Stops | None = None
    markers: tuple[SplitMarker, ...] = ()

    def looked_up(self, id: int) -> bool:
        """Whether the model looks an id up in the judged tables, and not in one of pictures or sounds."""
        served = self.checkpoint.layout.served
        return served is None or id < served

    def among_looked_up(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `ids` that the model looks up in the judged tables."""
        served = self.checkpoint.layout.served
        return ids if served is None else ids[ids < served]

    def listed(self, ids: Iterable[int], limit: int = 3) -> str:
        """The first tokens of `ids` for messages, and how many more there are."""
        every = list(ids)
        shown = joined(", ", [self.text(id) for id in every[:limit]])
        if len(every) <= limit:
            return shown
        return say("{shown} and {more} more", shown=shown, more=len(every) - limit)

    def meaning(self, id: int) -> str | None:
        """What the token of an id stands for as text; None where it is none, or there is no token."""
        return self.vocabulary.text(id) if self.vocabulary else None

    def text(self, id: int) -> str:
        """The token of an id for messages: its text between quotes, or `id 7`."""
        if self.vocabulary is None or id not in self.vocabulary.tokens:
            return f"id {id}"
        return f"{self.vocabulary.quoted(id)} ({id})"
