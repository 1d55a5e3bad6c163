"""Chat template -> tokens of Jinja, with the blanks that its tags swallow taken out.

transformers compiles chat templates with `trim_blocks` and `lstrip_blocks`: a block tag swallows the newline
behind it and the blanks of its line before it; a `-` swallows all blanks on its side, a `+` none.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Literal, NamedTuple

from rowscope.inspector.vocabulary.jinja import unescape

Kind = Literal["text", "output", "block", "end", "string", "number", "name", "sign"]


class TemplateError(Exception):
    """A template that cannot be run, in words: what it holds that is not known, or why it fails."""


class Token(NamedTuple):
    """A token: `output` and `block` open a tag, `end` closes it; the others stand as they are written."""

    kind: Kind
    text: str


_OPENING = re.compile(r"\{\{|\{%|\{#")
_RAW = re.compile(r"\{%([-+]?)\s*raw\s*([-+]?)%\}")
_END_RAW = re.compile(r"\{%([-+]?)\s*endraw\s*([-+]?)%\}")
_CLOSING = {"{{": re.compile(r"([-+]?)\}\}"), "{%": re.compile(r"([-+]?)%\}")}
_CODE = re.compile(
    r"""(?P<blank>\s+)|(?P<string>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|(?P<name>[^\W\d]\w*+)"""
    r"""|(?P<number>\d[\d_]*+(?:\.\d+)?+(?:[eE][-+]?\d+)?+)"""
    r"""|(?P<sign>//|\*\*|==|!=|<=|>=|[-+*/%~<>=.,:|()\[\]{}])""",
    re.DOTALL,
)


def tokens_of(template: str) -> Iterator[Token]:
    """All tokens of a template, a tag's between its opening and its `end`.

    Raises:
        TemplateError: a character or an end that Jinja refuses as well.
    """
    template = re.sub(r"\r\n|\r", "\n", template)
    if template.endswith("\n"):
        template = template[:-1]
    at, swallow = 0, ""
    while at <= len(template):
        opening = _OPENING.search(template, at)
        stop = opening.start() if opening else len(template)
        mark = template[stop + 2 : stop + 3]
        text = _trimmed(template[at:stop], swallow)
        if opening is None:
            yield from (Token("text", text),) if text else ()
            return
        yield from _shown(_before(text, opening[0], mark, starts_line=_at_line(template, at, stop)))
        raw = _RAW.match(template, stop)
        if raw:
            end = _END_RAW.search(template, raw.end())
            if end is None:
                raise TemplateError("a raw block without its end")
            inside = _trimmed(template[raw.end() : end.start()], _block_swallow(raw[2]))
            yield from _shown(inside.rstrip() if end[1] == "-" else inside)
            at, swallow = end.end(), _block_swallow(end[2])
        elif opening[0] == "{#":
            closing = template.find("#}", stop + 2)
            if closing < 0:
                raise TemplateError("a comment without its end")
            at, swallow = closing + 2, _block_swallow(template[closing - 1 : closing])
        else:
            at = stop + 2 + (mark in "+-" and mark != "")
            yield Token("block" if opening[0] == "{%" else "output", "")
            at, swallow = yield from _tag(template, at, opening[0])


def _tag(template: str, at: int, opening: str) -> Generator[Token, None, tuple[int, str]]:
    """The tokens within a tag up to its end; returns where it ends and what it swallows."""
    depth = 0
    while True:
        closing = _CLOSING[opening].match(template, at) if depth == 0 else None
        if closing:
            yield Token("end", "")
            swallow = _block_swallow(closing[1]) if opening == "{%" else "all" if closing[1] == "-" else ""
            return closing.end(), swallow
        match = _CODE.match(template, at)
        if match is None:
            raise TemplateError(f"a tag without its end, or with {template[at : at + 10]!r} in it")
        at = match.end()
        kind = match.lastgroup
        if kind == "string":
            yield Token("string", unescape(match[0][1:-1]))
        elif kind == "sign":
            depth += (match[0] in "([{") - (match[0] in ")]}")
            yield Token("sign", match[0])
        elif kind is not None and kind != "blank":
            yield Token("name" if kind == "name" else "number", match[0])


def _block_swallow(mark: str) -> str:
    """What a block tag or comment swallows behind it."""
    return {"-": "all", "+": ""}.get(mark, "newline")


def _trimmed(text: str, swallow: str) -> str:
    if swallow == "all":
        return text.lstrip()
    return text.removeprefix("\n") if swallow == "newline" else text


def _before(text: str, opening: str, mark: str, *, starts_line: bool) -> str:
    """The text before a tag, without the blanks that the tag swallows."""
    if mark == "-":
        return text.rstrip()
    if opening == "{{" or mark == "+":
        return text
    line = text.rpartition("\n")[2]
    alone = not line.strip(" \t\v\f") and ("\n" in text or starts_line)
    return text[: len(text) - len(line)] if alone else text


def _at_line(template: str, at: int, stop: int) -> bool:
    """Whether the text from `at` on starts a line, as far as its tag's line goes."""
    return template.rfind("\n", at, stop) >= 0 or at == 0 or template[at - 1] == "\n"


def _shown(text: str) -> tuple[Token, ...]:
    return (Token("text", text),) if text else ()
