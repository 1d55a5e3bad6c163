"""Texts in a chat template that look like special tokens and are none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from rowscope.inspector.frozen import record
from rowscope.inspector.vocabulary.lookup import ids_of
from rowscope.inspector.vocabulary.matching import Matcher
from rowscope.inspector.vocabulary.model import ChatTemplate, Vocabulary
from rowscope.inspector.vocabulary.rendering import syntax
from rowscope.inspector.vocabulary.rendering.statements import parse
from rowscope.inspector.vocabulary.rendering.tokens import TemplateError
from rowscope.inspector.vocabulary.turns import Turns

# Nobody writes these as plain text: bars inside of angle brackets.
_BARRED: Final = re.compile(r"<\|[^<>|\s]{1,60}\|>|<｜[^<>｜\s]{1,60}｜>")
# Tags and capitals in brackets are plain text as often as not.
_TAG: Final = re.compile(r"<(?P<tag>/?[A-Za-z_][\w.-]{0,60})>|\[(?P<word>/?[A-Z][A-Z_]{1,40})\]")
_OPPOSITES: Final = (("start", "end"), ("begin", "end"), ("open", "close"), ("bos", "eos"))


@record
class Marker:
    """A marker that is no token.

    Attributes:
        text: as the template writes it.
        template: the name of the first template that does.
        why: `barred` (`<|…|>`), `half` (the other half of its pair is a token), `frame` (a tag without an
            end that the template writes around every turn).
        other: the other half, for `half`.
    """

    text: str
    template: str
    why: str
    other: str | None = None


def unknown_markers(vocabulary: Vocabulary, turns: Turns | None) -> tuple[Marker, ...]:
    """The markers that a template can write and the tokenizer takes apart, each once.

    Constants count where they can come into the text that the template makes: not those that a message is
    compared with, split at or cleared of.
    """
    contents = {token.content for token in vocabulary.added.values() if token.content}
    matcher = Matcher(contents)
    found: dict[str, Marker] = {}
    for template, text in _written(vocabulary, turns):
        text = _without_tokens(text, matcher)
        for match in _BARRED.finditer(text):
            found.setdefault(match[0], Marker(match[0], template, "barred"))
        for match in _TAG.finditer(text):
            other = next((half for half in _other_halves(match[0]) if half in contents), None)
            if other is not None:
                found.setdefault(match[0], Marker(match[0], template, "half", other))
    if turns is not None:
        for text in _around_turns(turns):
            found.setdefault(text, Marker(text, turns.template.name, "frame"))
    known = ids_of(vocabulary.tokens, set(found)) if found else {}
    return tuple(marker for text, marker in found.items() if text not in known)


def _without_tokens(text: str, matcher: Matcher) -> str:
    parts, at = [], 0
    for start, stop in matcher.spans(text):
        parts.append(text[at:start])
        at = stop
    return "\n".join([*parts, text[at:]])


def _written(vocabulary: Vocabulary, turns: Turns | None) -> Iterator[tuple[str, str]]:
    for text in turns.frame if turns else ():
        yield turns.template.name if turns else "", text
    for template in vocabulary.chat_templates:
        for text in _constants(template):
            yield template.name, text


def _constants(template: ChatTemplate) -> Iterator[str]:
    try:
        yield from _in_body(parse(template.text))
    except (TemplateError, RecursionError):
        return  # what cannot be read is said elsewhere


def _in_body(body: syntax.Body) -> Iterator[str]:
    for node in body:
        if isinstance(node, syntax.Text):
            yield node.text
        elif isinstance(node, syntax.Output):
            yield from _in_value(node.of)
        elif isinstance(node, syntax.Assign):
            yield from _in_value(node.value)
        elif isinstance(node, syntax.Branch):
            for _, inner in node.cases:
                yield from _in_body(inner)
        elif isinstance(node, syntax.Loop):
            yield from _in_body(node.body)
            yield from _in_body(node.otherwise)
        elif isinstance(node, (syntax.Capture, syntax.Macro, syntax.Within)):
            yield from _in_body(node.body)


def _in_value(node: syntax.Expression | None) -> Iterator[str]:
    """Constants that may be part of the value; what it is tested, split or looked up by is none."""
    if isinstance(node, syntax.Const):
        if isinstance(node.value, str):
            yield node.value
        return
    parts: Sequence[syntax.Expression | None] = ()
    if isinstance(node, syntax.Binary) and node.sign in ("+", "~", "or", "and"):
        parts = (node.left, node.right)
    elif isinstance(node, syntax.Choice):
        parts = (node.yes, node.no)
    elif isinstance(node, (syntax.Filter, syntax.Slice)):
        parts = (node.of,)
    elif isinstance(node, syntax.Several):
        parts = node.items
    elif isinstance(node, syntax.Pairs):
        parts = [value for _, value in node.items]
    elif isinstance(node, syntax.Call):
        own = isinstance(node.of, syntax.Name)  # a macro or a namespace; a method is given what it looks for
        parts = (*node.arguments, *(value for _, value in node.named)) if own else (node.of,)
        parts = () if own and node.of == syntax.Name("raise_exception") else parts
    elif isinstance(node, syntax.Item) and not isinstance(node.of, syntax.Name):
        parts = (node.of,)
    for part in parts:
        yield from _in_value(part)


def _other_halves(text: str) -> Iterator[str]:
    """What the other half of a pair would be called: `</think>` of `<think>`, `<end_of_turn>` of a start."""
    opening, name, closing = text[0], text[1:-1], text[-1]
    yield f"{opening}{name[1:] if name.startswith('/') else '/' + name}{closing}"
    for one, other in _OPPOSITES:
        for word, instead in ((one, other), (other, one)):
            parts = re.split(r"([_.-])", name)
            if word in parts:
                yield opening + "".join(instead if part == word else part for part in parts) + closing


def _around_turns(turns: Turns) -> Iterator[str]:
    """Tags that stand in two places of the frame at least, and that no other tag ends."""
    tags = [{match["tag"] for match in _TAG.finditer(text) if match["tag"]} for text in turns.frame]
    every = set().union(*tags) if tags else set()
    for tag in sorted(every):
        paired = f"/{tag}" in every or tag.startswith("/")
        if not paired and sum(tag in there for there in tags) > 1:
            yield f"<{tag}>"
