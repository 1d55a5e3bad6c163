"""A page of Markdown laid out for a terminal: paragraphs and lists refilled, code left as it stands."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import fill_chinese, has_chinese

_ITEM: Final = re.compile(r"(?P<mark>\s*(?:[-*]|\d+\.)\s+)(?P<text>.*)")
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"(?P<level>#+)\s+(?P<text>.*)")
_FENCE: Final = "```"
_FINDING: Final = re.compile(r"\s*((error|warning|note) [A-Z]{3}\d{3}\b|→)")


def page_lines(page: str, width: int) -> Iterator[Line]:
    """The page as styled lines of at most `width` columns, words kept whole.

    Headings lose their marks and links their targets, unless these are on the web; everything else reads as
    in the source.
    """
    lines = page.splitlines()
    at = 0
    while at < len(lines):
        if lines[at].startswith(_FENCE):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith(_FENCE)), len(lines))
            yield from _code(lines[at + 1 : end], width)
            at = end + 1
            continue
        end = next((i for i in range(at, len(lines)) if _ends(lines, at, i)), len(lines))
        yield from _block(lines[at:end], width)
        at = end if end > at else at + 1


def _ends(lines: list[str], start: int, at: int) -> bool:
    """Whether the block that begins at `start` is over before line `at`."""
    line = lines[at]
    new = line.startswith((_FENCE, "|")) or _HEADING.match(line) or _ITEM.match(line)
    return at > start and bool(
        not line.strip() or new or not lines[start].strip() or _HEADING.match(lines[start])
    )


def _block(lines: list[str], width: int) -> Iterator[Line]:
    first = lines[0]
    heading = _HEADING.match(first)
    if not first.strip():
        yield Line("")
    elif heading:
        yield Line(_plain(heading["text"]), "title" if len(heading["level"]) == 1 else "heading")
    else:
        item = _ITEM.match(first)
        mark = item["mark"] if item else first[: len(first) - len(first.lstrip())]
        words = " ".join([item["text"] if item else first, *(line.strip() for line in lines[1:])])
        yield from (Line(line) for line in _fill(_plain(words), width, mark, " " * len(mark)))


def _code(lines: list[str], width: int) -> Iterator[Line]:
    """As it stands, two blanks in; a line that is too long goes on below, further in.

    Findings that a page quotes are filled anew.
    """
    for line in _quoted(lines):
        inner = " " * (len(line) - len(line.lstrip()) + 2)
        yield from (Line(part, "dim") for part in _fill(line.strip(), width, inner, inner + "  ") or [""])


def _quoted(lines: list[str]) -> list[str]:
    """The lines, those of a quoted finding joined."""
    found: list[str] = []
    for line in lines:
        goes_on = found and _FINDING.match(found[-1]) and line.strip() and not _FINDING.match(line)
        if goes_on:
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
    return found


def _fill(text: str, width: int, first: str, rest: str) -> list[str]:
    if has_chinese(text):
        return fill_chinese(text, width, first, rest)
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    return _LINK.sub(lambda link: _link(link[1], link[2]), text)


def _link(words: str, target: str) -> str:
    return f"{words} ({target})" if target.startswith(("http://", "https://")) else words
