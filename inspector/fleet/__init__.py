"""Many checkpoints into one store of Parquet tables: engines, resume by content, the tables.

Knows audits and the storage of results. Must not render, nor know other rooms that act.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.fleet.places import Place, place_of
    from rowscope.inspector.fleet.schema import ROWS, STORE_VERSION, TABLES, VOLATILE, Column
    from rowscope.inspector.fleet.tables import read_table, read_tables

__all__ = [
    "ROWS",
    "STORE_VERSION",
    "TABLES",
    "VOLATILE",
    "Column",
    "Place",
    "place_of",
    "read_table",
    "read_tables",
]

__getattr__ = lazily(
    __name__,
    {
        "ROWS": "schema",
        "STORE_VERSION": "schema",
        "TABLES": "schema",
        "VOLATILE": "schema",
        "Column": "schema",
        "Place": "places",
        "place_of": "places",
        "read_table": "tables",
        "read_tables": "tables",
    },
)
