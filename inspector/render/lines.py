"""Lines with a meaning: one layout for pipes (plain) and terminals (coloured)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Style = Literal["", "title", "heading", "dim", "error", "warning", "note", "good"]


class Line(NamedTuple):
    """One line of output and how a terminal should show it."""

    text: str
    style: Style = ""


def to_plain_text(lines: Iterable[Line]) -> str:
    """The lines without style, each without trailing blanks, ending in one newline."""
    return "\n".join(line.text.rstrip() for line in lines) + "\n"
