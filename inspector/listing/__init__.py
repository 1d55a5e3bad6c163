"""What `rows` and `suspects` show: rows chosen by ids, token or group, named and judged.

Knows evidence and names. Must not render.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.listing.choose import RowNames, choose_ids, matrix_of
    from rowscope.inspector.listing.filters import filtered
    from rowscope.inspector.listing.ranked import Suspect
    from rowscope.inspector.listing.suspects import Suspects, find_suspects
    from rowscope.inspector.listing.table import VocabularyRows, named_rows, reserved_ids, row_table

__all__ = [
    "RowNames",
    "Suspect",
    "Suspects",
    "VocabularyRows",
    "choose_ids",
    "filtered",
    "find_suspects",
    "matrix_of",
    "named_rows",
    "reserved_ids",
    "row_table",
]

__getattr__ = lazily(
    __name__,
    {
        "RowNames": "choose",
        "Suspect": "ranked",
        "Suspects": "suspects",
        "VocabularyRows": "table",
        "choose_ids": "choose",
        "filtered": "filters",
        "find_suspects": "suspects",
        "matrix_of": "choose",
        "named_rows": "table",
        "reserved_ids": "table",
        "row_table": "table",
    },
)
