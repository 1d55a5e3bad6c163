"""Markdown: text that shows as itself, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from rowscope.inspector.text import visible

# Characters that Markdown or the HTML within it would act on.
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~&$@])")


def escape_markdown(text: str) -> str:
    """`text` so that it shows as itself in a Markdown paragraph or table cell."""
    return _SPECIAL.sub(r"\\\1", visible(text))


def markdown_table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table of plain texts; the first row is the heading."""
    head, *body = rows
    yield _row(head)
    yield "|" + " --- |" * len(head)
    yield from (_row(row) for row in body)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escape_markdown(cell) for cell in cells) + " |"
