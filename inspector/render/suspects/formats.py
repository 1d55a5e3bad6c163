"""The ranked list of suspects for programs: CSV, JSON lines, Parquet."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import Final

from rowscope.inspector.errors import MissingExtraError
from rowscope.inspector.listing import Suspect, Suspects
from rowscope.inspector.plain import to_plain

SUSPECTS_FORMATS: Final = ("csv", "jsonl", "parquet")


def render_suspects(suspects: Suspects, format: str) -> str | bytes:
    """The list as `csv`, `jsonl` (text) or `parquet` (bytes).

    Raises:
        MissingExtraError: `parquet` without pyarrow (extra `table`).
    """
    if format == "parquet":
        return suspects_parquet(suspects)
    if format == "jsonl":
        return "".join(json.dumps(to_plain(row), allow_nan=False) + "\n" for row in suspects.rows)
    return suspects_csv(suspects)


def suspects_parquet(suspects: Suspects) -> bytes:
    """An Apache Parquet file; its columns are the fields of `Suspect`, also where it is empty."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "table", "--format parquet") from error
    columns = {
        field.name: pyarrow.array([getattr(row, field.name) for row in suspects.rows], from_pandas=True)
        for field in dataclasses.fields(Suspect)
    }
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink)
    return bytes(sink.getvalue())


def suspects_csv(suspects: Suspects) -> str:
    """RFC 4180 with a header line; missing values are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in dataclasses.fields(Suspect))
    writer.writerows(to_plain(row).values() for row in suspects.rows)
    return text.getvalue()
