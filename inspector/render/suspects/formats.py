"""The ranked list of suspects for programs: CSV, JSON lines, Parquet."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from rowscope.inspector.errors import MissingExtraError
from rowscope.inspector.listing import Suspect, Suspects
from rowscope.inspector.render.records import csv_pieces, jsonl_pieces

SUSPECTS_FORMATS: Final = ("csv", "jsonl", "parquet")


def render_suspects(suspects: Suspects, format: str) -> str | bytes:
    """The list as `csv`, `jsonl` (text) or `parquet` (bytes); see `suspects_pieces`."""
    found = suspects_pieces(suspects, format)
    return found if isinstance(found, bytes) else "".join(found)


def suspects_pieces(suspects: Suspects, format: str) -> Iterator[str] | bytes:
    """The list as `csv` or `jsonl` (text, in pieces) or `parquet` (bytes).

    Raises:
        MissingExtraError: `parquet` without pyarrow (extra `table`).
    """
    if format == "parquet":
        return suspects_parquet(suspects)
    records = suspects.records()
    if format == "jsonl":
        return jsonl_pieces(records)
    return csv_pieces((field.name for field in dataclasses.fields(Suspect)), records)


def suspects_parquet(suspects: Suspects) -> bytes:
    """An Apache Parquet file; its columns are the fields of `Suspect`, also where it is empty."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "table", "--format parquet") from error
    columns = {name: pyarrow.array(values, from_pandas=True) for name, values in suspects.columns.items()}
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink)
    return bytes(sink.getvalue())
