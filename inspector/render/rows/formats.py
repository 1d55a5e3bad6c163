"""The per-row table for programs: JSON, JSON lines, CSV, Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import rowscope
from rowscope.inspector.errors import MissingExtraError
from rowscope.inspector.listing import VocabularyRows
from rowscope.inspector.plain import json_pieces
from rowscope.inspector.render.records import csv_pieces, jsonl_pieces


def render_rows(
    rows: VocabularyRows, path: str, format: str, *, title: str | None = None, lang: str = "en"
) -> str | bytes:
    """The table as `json`, `jsonl`, `csv`, `html` (text) or `parquet` (bytes); see `rows_pieces`."""
    found = rows_pieces(rows, path, format, title=title, lang=lang)
    return found if isinstance(found, bytes) else "".join(found)


def rows_pieces(
    rows: VocabularyRows, path: str, format: str, *, title: str | None = None, lang: str = "en"
) -> Iterator[str] | bytes:
    """The table as `json`, `jsonl`, `csv`, `html` (text, in pieces) or `parquet` (bytes).

    `title` is that of a page, `lang` that of a page and of sentences in JSON.

    Raises:
        MissingExtraError: `parquet` without pyarrow (extra `table`).
    """
    if format == "html":
        from rowscope.inspector.render.rows.html import render_rows_html

        return iter((render_rows_html(rows, path, title=title, lang=lang),))
    if format == "parquet":
        return rows_parquet(rows)
    if format == "csv":
        return csv_pieces(rows.columns, rows.records())
    if format == "jsonl":
        return jsonl_pieces(rows.records())
    return json_pieces(rows_document(rows, path, 0), lang)


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


def rows_document(rows: VocabularyRows, path: str, exit_code: int) -> dict[str, Any]:
    """The JSON document of `rows --format json`, its rows one after the other."""
    return {
        "schema_version": "1",
        "tool": {"name": "rowscope", "version": rowscope.__version__},
        "exit_code": exit_code,
        "path": path,
        "judged_on": rows.judged_on or None,
        "note": rows.note or None,
        "rows": rows.records(),
    }
