"""Which tokens the chat templates really use, from the literals of the Jinja source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from rowscope.inspector.vocabulary.model import Vocabulary

_OPEN = re.compile(r"\{\{|\{%|\{#")
_CODE = {
    closing: re.compile(
        # a string literal, a name, the closing tag, or any other character
        rf"""(?P<string>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')"""
        rf"""|(?P<name>[A-Za-z_]\w*+)|(?P<end>[-+]?{re.escape(closing)})|.""",
        re.DOTALL,
    )
    for closing in ("}}", "%}")
}
_RAW_END = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\'\"])|(?P<newline>\n)|x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})"
    r"|U(?P<U>[0-9A-Fa-f]{8})|(?P<octal>[0-7]{1,3}))"
)
_SIMPLE = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))
_LOOKS_SPECIAL = re.compile(
    r"<\|[^<>|\s]{1,60}\|>|<[/]?[A-Za-z_][\w.-]{0,60}>|\[/?[A-Z][A-Z_]{1,40}\]|<｜[^<>｜]{1,60}｜>"
)


def literals(template: str) -> Iterator[tuple[str, str]]:
    """The pieces of a Jinja template that can reach the output, as pairs of kind and text.

    `("text", …)` is text between tags, `("string", …)` a string constant within a tag with its escapes
    resolved, `("name", …)` an identifier within a tag. Comments are left out, and text inside `{% raw %}` is
    text. Never raises: an unclosed tag runs to the end of the template.
    """
    at = 0
    while True:
        opening = _OPEN.search(template, at)
        text = template[at : opening.start()] if opening else template[at:]
        if text:
            yield "text", text
        if not opening:
            return
        if opening[0] == "{#":
            end = template.find("#}", opening.end())
            at = end + 2 if end >= 0 else len(template)
            continue
        at, names = opening.end(), 0
        for match in _CODE["}}" if opening[0] == "{{" else "%}"].finditer(template, opening.end()):
            at = match.end()
            if match["string"]:
                yield "string", unescape(match["string"][1:-1])
            elif match["name"]:
                names += 1
                raw = match["name"] == "raw" and names == 1 and opening[0] == "{%"
                yield "name", match["name"]
            elif match["end"]:
                break
        else:
            at = len(template)
            continue
        if opening[0] == "{%" and names == 1 and raw:
            end_raw = _RAW_END.search(template, at)
            stop = end_raw.start() if end_raw else len(template)
            yield "text", template[at:stop]
            at = end_raw.end() if end_raw else stop


def unescape(literal: str) -> str:
    """The value of a string literal's inside; sequences that Python does not know stay as they are."""

    def value(match: re.Match[str]) -> str:
        if match["simple"]:
            return _SIMPLE[match["simple"]]
        if match["newline"]:
            return ""
        digits = match["x"] or match["u"] or match["U"]
        point = int(digits, 16) if digits else int(match["octal"], 8)
        return chr(point) if point <= 0x10FFFF else match[0]

    return _ESCAPE.sub(value, literal)


@lru_cache(maxsize=8)
def _matcher(contents: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(contents, key=lambda content: (-len(content), content))
    return re.compile("|".join(re.escape(content) for content in longest_first))


def template_ids(vocabulary: Vocabulary) -> Mapping[int, tuple[str, ...]]:
    """Ids of the added tokens that a chat template writes -> names of the templates that do.

    A token counts where its content stands in a text or string literal (the longest token first, so that
    `<|im|>` does not count within `<|im|>x|>`), or where the template names its role: `eos_token`.
    """
    by_content = {token.content: id for id, token in vocabulary.added.items() if token.content}
    found: dict[int, dict[str, None]] = {}
    for template in vocabulary.chat_templates:
        for content in _used(vocabulary, template.text, frozenset(by_content)):
            if content in by_content:
                found.setdefault(by_content[content], {})[template.name] = None
    return {id: tuple(names) for id, names in sorted(found.items())}


def _used(vocabulary: Vocabulary, template: str, contents: frozenset[str]) -> Iterator[str]:
    for kind, text in literals(template):
        if kind == "name":
            yield from (
                vocabulary.roles.get(text.removesuffix("_token"), ()) if text.endswith("_token") else ()
            )
        elif contents:
            yield from _matcher(contents).findall(text)


def template_unknown_literals(vocabulary: Vocabulary) -> tuple[tuple[str, str], ...]:
    """Pairs (literal, template name): literals that look like special tokens and are no token at all.

    Such a literal is split into ordinary tokens when the template is rendered and encoded.
    """
    tokens = set(vocabulary.tokens.values())
    contents = frozenset(token.content for token in vocabulary.added.values() if token.content)
    found: dict[tuple[str, str], None] = {}
    for template in vocabulary.chat_templates:
        for kind, text in literals(template.text):
            if kind == "name":
                continue
            rest = _matcher(contents).sub("\0", text) if contents else text
            for match in _LOOKS_SPECIAL.finditer(rest):
                if match[0] not in tokens:
                    found[match[0], template.name] = None
    return tuple(found)
