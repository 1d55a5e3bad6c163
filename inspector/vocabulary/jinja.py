"""A small lexer of Jinja: the pieces of a template that can reach its output. Nothing is evaluated."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Literal, NamedTuple

_OPENING = re.compile(r"\{\{|\{%|\{#")
_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}")
_END_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_ENDING = {True: re.compile(r"[-+]?%\}"), False: re.compile(r"[-+]?\}\}")}
_CODE = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|(?P<name>[^\W\d]\w*+)|(?P<number>\d\w*+)"""
    r"""|(?P<open>[\[({])|(?P<close>[\])}])|.""",
    re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\'\"])|(?P<newline>\n)|x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})"
    r"|U(?P<U>[0-9A-Fa-f]{8})|(?P<octal>[0-7]{1,3}))"
)
_QUOTES = ("'", '"')
_SIMPLE = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))


class Piece(NamedTuple):
    """A piece of a template.

    Attributes:
        kind: `text` between tags, `string` for a string constant within a tag with its escapes resolved,
            `name` for an identifier within a tag, `block` for where a `{% … %}` tag begins or ends.
        text: what stands there; empty for `block`.
    """

    kind: Literal["text", "string", "name", "block"]
    text: str


def pieces(template: str) -> Iterator[Piece]:
    """Lex a template; comments are left out, and what stands between `{% raw %}` and `{% endraw %}` is text.

    Never raises: an unclosed tag or comment runs to the end, and text that Jinja refuses is skipped.
    """
    at = 0
    unclosed: set[str] = set()
    while at < len(template):
        opening = _OPENING.search(template, at)
        stop = opening.start() if opening else len(template)
        if stop > at:
            yield Piece("text", template[at:stop])
        if not opening:
            return
        raw = _RAW.match(template, stop)
        if raw:
            end = _END_RAW.search(template, raw.end())
            yield Piece("text", template[raw.end() : end.start() if end else len(template)])
            at = end.end() if end else len(template)
        elif opening[0] == "{#":
            end_comment = template.find("#}", opening.end())
            at = end_comment + 2 if end_comment >= 0 else len(template)
        else:
            at = yield from _tag(template, opening.end(), unclosed, block=opening[0] == "{%")


def _tag(template: str, at: int, unclosed: set[str], *, block: bool) -> Generator[Piece, None, int]:
    """The pieces within a tag; returns where it ends. Within brackets `}}` ends nothing, as in Jinja.

    Where a string does not end before the template does, all quotes of its kind behind it are escaped ones,
    from which it does not end either: they are in `unclosed` and not followed again.
    """
    depth = 0
    if block:
        yield Piece("block", "")
    while at < len(template):
        ending = _ENDING[block].match(template, at) if depth == 0 else None
        if ending:
            at = ending.end()
            break
        if template[at] in unclosed:
            at += 1
            continue
        match = _CODE.match(template, at)
        assert match is not None  # the last alternative takes any character
        at = match.end()
        if match[0] in _QUOTES:  # a quote that opens no string
            unclosed.add(match[0])
        if match["string"]:
            yield Piece("string", unescape(match[0][1:-1]))
        elif match["name"]:
            yield Piece("name", match[0])
        elif match["open"]:
            depth += 1
        elif match["close"]:
            depth = max(0, depth - 1)
    if block:
        yield Piece("block", "")
    return at


def unescape(literal: str) -> str:
    """The value of a string constant's inside; escapes that Python does not know stay as they are."""
    return _ESCAPE.sub(_character, literal)


def _character(match: re.Match[str]) -> str:
    if match["simple"]:
        return _SIMPLE[match["simple"]]
    if match["newline"]:
        return ""
    digits = match["x"] or match["u"] or match["U"]
    point = int(digits, 16) if digits else int(match["octal"], 8)
    return match[0] if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF else chr(point)
