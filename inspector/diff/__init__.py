"""Two checkpoints, row by row: which vocabulary rows changed, by how much, and whose they are."""

from rowscope.inspector.diff.compare import diff
from rowscope.inspector.diff.result import (
    Background,
    Diff,
    GroupChange,
    MatrixDiff,
    RowChange,
    TokenizerDiff,
)
from rowscope.inspector.diff.table import PairTable

__all__ = [
    "Background",
    "Diff",
    "GroupChange",
    "MatrixDiff",
    "PairTable",
    "RowChange",
    "TokenizerDiff",
    "diff",
]
