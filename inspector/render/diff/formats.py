"""A comparison for programs: JSON, JSON lines, CSV, Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.diff import COLUMNS, Diff, row_records, to_arrow
from rowscope.inspector.errors import MissingExtraError
from rowscope.inspector.plain import json_pieces
from rowscope.inspector.render.records import csv_pieces, jsonl_pieces

DIFF_FORMATS: Final = ("json", "jsonl", "csv", "parquet", "html")


def render_diff(
    diff: Diff, format: str, *, changed_only: bool = False, title: str | None = None, lang: str = "en"
) -> str | bytes:
    """The result as `json`, `html`, `jsonl`, `csv` (text) or `parquet` (bytes); see `diff_pieces`."""
    found = diff_pieces(diff, format, changed_only=changed_only, title=title, lang=lang)
    return found if isinstance(found, bytes) else "".join(found)


def diff_pieces(
    diff: Diff, format: str, *, changed_only: bool = False, title: str | None = None, lang: str = "en"
) -> Iterator[str] | bytes:
    """The result as `json` or `html` (one document), or its rows as `jsonl` or `csv`, all of these in pieces,
    or as `parquet` (bytes).

    Args:
        changed_only: leave unchanged rows out of the three row formats.
        title: of the page.
        lang: of the page and of sentences in JSON.

    Raises:
        MissingExtraError: `parquet` without pyarrow (extra `table`).
    """
    if format == "json":
        return json_pieces(diff.document(), lang)
    if format == "html":
        from rowscope.inspector.render.diff.html import render_diff_html

        return iter((render_diff_html(diff, title=title, lang=lang),))
    if format == "parquet":
        return _parquet(diff, changed_only)
    if format == "csv":
        return csv_pieces(COLUMNS, row_records(diff, changed_only=changed_only))
    return jsonl_pieces(row_records(diff, changed_only=changed_only))


def _parquet(diff: Diff, changed_only: bool) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "table", "--format parquet") from error
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(to_arrow(diff, changed_only=changed_only), sink)
    return bytes(sink.getvalue())
