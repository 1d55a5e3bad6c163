"""A comparison for programs: JSON, JSON lines, CSV, Parquet."""

from __future__ import annotations

import csv
import io
import json
from typing import Final

from rowscope.inspector.diff import COLUMNS, Diff, row_records, to_arrow
from rowscope.inspector.errors import MissingExtraError

DIFF_FORMATS: Final = ("json", "jsonl", "csv", "parquet", "html")


def render_diff(
    diff: Diff, format: str, *, changed_only: bool = False, title: str | None = None, lang: str = "en"
) -> str | bytes:
    """The result as `json` or `html` (one document), or its rows as `jsonl`, `csv` or `parquet` (bytes).

    Args:
        changed_only: leave unchanged rows out of the three row formats.
        title, lang: of the page.

    Raises:
        MissingExtraError: `parquet` without pyarrow (extra `table`).
    """
    if format == "json":
        return json.dumps(diff.to_dict(), indent=2, allow_nan=False) + "\n"
    if format == "html":
        from rowscope.inspector.render.diff.html import render_diff_html

        return render_diff_html(diff, title=title, lang=lang)
    if format == "parquet":
        return _parquet(diff, changed_only)
    if format == "csv":
        return _csv(diff, changed_only)
    return "".join(
        json.dumps(record, allow_nan=False) + "\n" for record in row_records(diff, changed_only=changed_only)
    )


def _csv(diff: Diff, changed_only: bool) -> str:
    """RFC 4180 with a header line; missing values are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(record.values() for record in row_records(diff, changed_only=changed_only))
    return text.getvalue()


def _parquet(diff: Diff, changed_only: bool) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "table", "--format parquet") from error
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(to_arrow(diff, changed_only=changed_only), sink)
    return bytes(sink.getvalue())
