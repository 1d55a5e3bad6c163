"""Headings, tables and sentences that all probes share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import columns, wrap

Cells = tuple[str, ...]


def table(rows: Sequence[Cells], width: int, *, left: int = 1) -> Iterator[Line]:
    """Rows under a heading, the first `left` columns to the left and the others to the right."""
    lines = columns(rows, width, range(left, len(rows[0])))
    yield from (Line(line, "dim" if number == 0 else "") for number, line in enumerate(lines))


def heading(text: str) -> Line:
    return Line(text, "heading")


def say(text: str, width: int) -> Iterator[Line]:
    yield from (Line(line) for line in wrap(text, width, "  "))
