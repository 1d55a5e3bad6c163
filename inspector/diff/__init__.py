"""Two checkpoints, row by row: which vocabulary rows changed, by how much, and whose they are.

Knows rows and names. Must not know the other rooms that act (claim, mask, model).
"""

from rowscope.inspector.diff.compare import diff
from rowscope.inspector.diff.result import (
    Background,
    ClaimedChange,
    Diff,
    GroupChange,
    MatrixDiff,
    MovedToken,
    RenamedId,
    RowChange,
    TokenId,
    TokenizerDiff,
)
from rowscope.inspector.diff.rows import COLUMNS, row_records, to_arrow
from rowscope.inspector.diff.table import PairTable

__all__ = [
    "COLUMNS",
    "Background",
    "ClaimedChange",
    "Diff",
    "GroupChange",
    "MatrixDiff",
    "MovedToken",
    "PairTable",
    "RenamedId",
    "RowChange",
    "TokenId",
    "TokenizerDiff",
    "diff",
    "row_records",
    "to_arrow",
]
