"""Pieces of markup that every page is made of; whatever comes from a file goes through `text`."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from rowscope.inspector.text import visible

# Our own commands alone: backticks in a name from a file make no markup.
_CODE: Final = re.compile(r"`(rowscope [a-z][^`<>]*)`")


def text(value: str) -> str:
    """Text from a file as markup: visible, and nothing in it is a tag, an entity or an attribute's end."""
    return escape(visible(value), quote=True)


def prose(sentences: str) -> str:
    """Sentences of the tool as markup: commands between backticks are code."""
    return _CODE.sub(r"<code>\1</code>", text(sentences))


def section(title: str, body: Iterable[str], anchor: str) -> Iterator[str]:
    """A section with a heading that can be linked to. `title` and `body` are markup."""
    yield f'<section id="{anchor}" aria-labelledby="h-{anchor}">'
    yield f'<h2 id="h-{anchor}"><a class="anchor" href="#{anchor}">{title}</a></h2>'
    yield from body
    yield "</section>"


def note(words: str) -> str:
    """A soft paragraph of plain text."""
    return f'<p class="dim">{text(words)}</p>'


def html_table(rows: Sequence[Sequence[str]], numbers: Container[int], label: str) -> Iterator[str]:
    """A table of plain texts: the first row is the heading, columns in `numbers` are set to the right.

    `label` names it for screen readers.
    """
    head, *body = rows
    # Focusable, so that a table wider than the screen can be scrolled from the keyboard.
    yield f'<div class="wide" tabindex="0" role="region" aria-label="{text(label)}"><table><thead>'
    yield _row(head, 'th scope="col"', numbers)
    yield "</thead><tbody>"
    yield from (_row(row, "td", numbers) for row in body)
    yield "</tbody></table></div>"


def _row(cells: Sequence[str], tag: str, numbers: Container[int]) -> str:
    end = tag.split()[0]
    marks = (' class="number"' if at in numbers else "" for at in range(len(cells)))
    parts = (f"<{tag}{mark}>{text(cell)}</{end}>" for cell, mark in zip(cells, marks, strict=True))
    return f"<tr>{''.join(parts)}</tr>"


class Answer(NamedTuple):
    """A question that the page answers at its top: plain question and short answer, markup beneath."""

    question: str
    short: str
    detail: str
    level: str = ""


def answers(items: Iterable[Answer]) -> Iterator[str]:
    """The answers as tiles; `level` (error, warning, note, good) colours one."""
    yield '<dl class="answers">'
    for item in items:
        yield f'<div class="answer {item.level}"><dt>{text(item.question)}</dt>'
        yield f'<dd><strong>{text(item.short)}</strong><div class="dim">{item.detail}</div></dd></div>'
    yield "</dl>"
