"""Sentences and tables in the language that was asked for, laid out for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rowscope.inspector.render.lines import Line, Style
from rowscope.inspector.render.plain import wrap
from rowscope.inspector.text import Said, told, visible

Cells = tuple[str, ...]


def wrapped(text: str, width: int, indent: str, lang: str) -> list[str]:
    """A sentence in a language, in lines of `width` columns."""
    return wrap(visible(told(text, lang)), width, indent, chinese=lang == "zh")


def spoken_lines(
    texts: Iterable[str], width: int, indent: str, lang: str, style: Style = ""
) -> Iterator[Line]:
    """Sentences as styled lines."""
    yield from (Line(line, style) for text in texts for line in wrapped(text, width, indent, lang))


def heading_lines(title: str, lang: str) -> Iterator[Line]:
    """A blank line and the heading of a section."""
    yield from (Line(""), Line(told(title, lang), "heading"))


def in_language(rows: Sequence[Cells], lang: str, page: str = "") -> Sequence[Cells]:
    """Tables with headings, first column and our own sentences in another language.

    Args:
        page: the kind of page whose labels go first, as in `Words`.
    """
    if lang == "en":
        return rows
    from rowscope.inspector.render.html import Words

    words = Words(lang, page)

    def cell(text: str, *, label: bool) -> str:
        known = words.maybe(f"label.{text}") if label and text else None
        return known or (words.told(text) if isinstance(text, Said) else text)

    return [tuple(cell(text, label=at == 0 or row is rows[0]) for at, text in enumerate(row)) for row in rows]
