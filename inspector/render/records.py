"""Tables for programs, in pieces: a long one is never whole in memory as text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

_LINES: Final = 4096
"""Lines of a piece."""


def csv_pieces(columns: Iterable[str], records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """RFC 4180 with a header line; missing values are empty."""
    lines = iter([tuple(columns)])
    rows = (tuple(record.values()) for record in records)
    while batch := tuple(islice(lines, _LINES)):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(batch)
        yield text.getvalue()
        lines = rows


def jsonl_pieces(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One JSON object a line."""
    return (json.dumps(record, allow_nan=False) + "\n" for record in records)
