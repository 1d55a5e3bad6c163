"""The per-row table for programs: JSON, JSON lines, CSV, Parquet."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import rowscope
from rowscope.inspector.errors import MissingExtraError
from rowscope.inspector.listing import VocabularyRows
from rowscope.inspector.plain import to_plain


def render_rows(
    rows: VocabularyRows, path: str, format: str, *, title: str | None = None, lang: str = "en"
) -> str | bytes:
    """The table as `json`, `jsonl`, `csv`, `html` (text) or `parquet` (bytes).

    `title` and `lang` are those of a page.

    Raises:
        MissingExtraError: `parquet` without pyarrow (extra `table`).
    """
    if format == "html":
        from rowscope.inspector.render.rows.html import render_rows_html

        return render_rows_html(rows, path, title=title, lang=lang)
    if format == "parquet":
        return rows_parquet(rows)
    if format == "csv":
        return rows_csv(rows)
    if format == "jsonl":
        return rows_jsonl(rows)
    return json.dumps(rows_document(rows, path, 0), indent=2, allow_nan=False) + "\n"


def rows_parquet(rows: VocabularyRows) -> bytes:
    """An Apache Parquet file."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "table", "--format parquet") from error
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(rows.to_arrow(), sink)
    return bytes(sink.getvalue())


def rows_csv(rows: VocabularyRows) -> str:
    """RFC 4180 with a header line; missing values are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.columns)
    writer.writerows(record.values() for record in rows.records())
    return text.getvalue()


def rows_jsonl(rows: VocabularyRows) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(record, allow_nan=False) + "\n" for record in rows.records())


def rows_document(rows: VocabularyRows, path: str, exit_code: int) -> dict[str, Any]:
    """The JSON document of `rows --format json`."""
    body = {
        "schema_version": "1",
        "tool": {"name": "rowscope", "version": rowscope.__version__},
        "exit_code": exit_code,
        "path": path,
        "judged_on": rows.judged_on or None,
        "note": rows.note or None,
        "rows": list(rows.records()),
    }
    plain = to_plain(body)
    assert isinstance(plain, dict)
    return plain
