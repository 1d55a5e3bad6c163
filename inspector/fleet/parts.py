"""One checkpoint's part of a store: a Parquet file with one row, each table a text column of it, as JSON.

So one rename puts all that is known of a checkpoint in its place, or nothing. As columns of
their own the 170 columns of the tables would take many times the bytes and the time; `tables.py` makes them,
for all parts at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from rowscope.inspector.fleet.records import Record, Records
from rowscope.inspector.fleet.schema import Column, arrow, arrow_schema, parquet_bytes
from rowscope.inspector.plain import to_plain

PART: Final = (
    Column("checkpoint", "string", "identifier of the path"),
    Column("path", "string", "the checkpoint"),
    Column("key", "string", "digest of what was audited"),
    Column("status", "string", "`audited`, `partial` or `failed`"),
    Column("checkpoints", "string", "its row of that table, as JSON"),
    Column("matrices", "string", "its rows of that table, as JSON"),
    Column("findings", "string", "its rows of that table, as JSON"),
    Column("special_tokens", "string", "its rows of that table, as JSON"),
)
"""Columns of a part; the last four have the names of the tables."""


def encode(records: Records) -> bytes:
    """The part of one checkpoint as a Parquet file.

    Raises:
        MissingExtraError: pyarrow is not installed (extra `table`).
    """
    pa = arrow()
    first = records.checkpoint
    values = {name: storable(first.get(name)) for name in ("checkpoint", "path", "key", "status")}
    tables = {
        "checkpoints": [first],
        "matrices": records.matrices,
        "findings": records.findings,
        "special_tokens": records.special_tokens,
    }
    for name, rows in tables.items():
        values[name] = json.dumps(to_plain(rows), separators=(",", ":"))
    return parquet_bytes(pa.Table.from_pylist([values], schema=arrow_schema(PART)), plain=True)


def decode(data: bytes) -> Mapping[str, list[Record]] | None:
    """The rows of a part by table; None for bytes that are no part, as after a power failure.

    Raises:
        MissingExtraError: pyarrow is not installed (extra `table`).
    """
    pa = arrow()
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(pa.BufferReader(data))
        (row,) = file.read([column.name for column in PART[4:]], use_threads=False).to_pylist()
        return {name: json.loads(text) for name, text in row.items()}
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None


def path_of(data: bytes) -> str | None:
    """The path of a part's checkpoint, quicker than `decode`; None for bytes that are no part."""
    pa = arrow()
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(pa.BufferReader(data))
        (row,) = file.read(["path"], use_threads=False).to_pylist()
    except (pa.ArrowException, OSError, ValueError):
        return None
    return str(row["path"])


def storable(value: Any) -> Any:  # noqa: ANN401 - any value of a record
    """Text as UTF-8 holds it: half a surrogate pair, as of a file name that is no UTF-8, as an escape."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    return value
