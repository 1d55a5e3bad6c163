"""Which tokens the chat templates write, by the literals of their source."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from rowscope.inspector.vocabulary.jinja import pieces
from rowscope.inspector.vocabulary.lookup import ids_of
from rowscope.inspector.vocabulary.model import Vocabulary

_LOOKS_SPECIAL = re.compile(
    r"<\|[^<>|\s\ufdd2]{1,60}\|>|<｜[^<>｜\s\ufdd2]{1,60}｜>|</?[A-Za-z_][\w.-]{0,60}>|\[/?[A-Z][A-Z_]{1,40}\]"
)
_SPEAKERS = ("system", "user", "assistant", "tool", "developer", "function", "ipython", "observation")
# Noncharacters of Unicode, which no text holds: a name, the name `role`, a place where literals part.
_NAME, _ROLE, _BREAK = "\ufdd0", "\ufdd1", "\ufdd2"
# What surrounds a variable role: `'<|' + message['role'] + '|>'`, `<|{{ message.role }}|>`.
_AROUND_ROLE = re.compile(
    r"([^\s\ufdd0-\ufdd2]{1,20})\ufdd0*(?:\ufdd1|\ufdd0role)\ufdd0*([^\s\ufdd0-\ufdd2]{1,20})"
)


def template_ids(vocabulary: Vocabulary) -> Mapping[int, tuple[str, ...]]:
    """Ids of the added tokens that a chat template writes -> names of the templates that do.

    A token counts where its content stands in the text between tags or in a string constant (the longest
    token first, as the tokenizer matches them), where the template names its role (`eos_token`), and where
    it comes about by putting a speaker into its place, as in `'<|' + message['role'] + '|>'`. Branches are
    not followed: what only a tool call would write counts as well.
    """
    by_content = {token.content: id for id, token in vocabulary.added.items() if token.content}
    found: dict[int, dict[str, None]] = {}
    for template in vocabulary.chat_templates:
        for content in _written(template.text, by_content, vocabulary.roles):
            if content in by_content:
                found.setdefault(by_content[content], {})[template.name] = None
    return {id: tuple(names) for id, names in sorted(found.items())}


def _written(template: str, contents: Collection[str], roles: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    skeleton = []
    for kind, text in pieces(template):
        if kind == "name":
            yield from roles.get(text.removesuffix("_token"), ()) if text.endswith("_token") else ()
            skeleton.append(_ROLE if text == "role" else _NAME)
        else:
            skeleton.append(_BREAK if kind == "block" else text)
    yield from _matches(_literals(template), contents)
    for around in _AROUND_ROLE.finditer("".join(skeleton)):
        for speaker in _SPEAKERS:
            yield from _matches(around[1] + speaker + around[2], contents)


def _literals(template: str) -> str:
    """The texts and string constants one after the other, parted so that no token spans two of them."""
    return _BREAK.join(text for kind, text in pieces(template) if kind in ("text", "string"))


def _matches(text: str, contents: Collection[str]) -> list[str]:
    """The tokens in a text, from the left, the longest first at each place."""
    present = sorted((content for content in contents if content in text), key=len, reverse=True)
    return re.findall("|".join(map(re.escape, present)), text) if present else []


def template_unknown_literals(vocabulary: Vocabulary) -> tuple[tuple[str, str], ...]:
    """Pairs (literal, template name): literals that look like special tokens and are no token at all.

    Looked for are `<|…|>`, `<…>`, `</…>`, `[…]` in capitals. The tokenizer splits such a literal into
    ordinary tokens; some are meant to be (XML-like tags in a tool prompt), others were forgotten.
    """
    contents = {token.content for token in vocabulary.added.values() if token.content}
    found: dict[tuple[str, str], None] = {}
    for template in vocabulary.chat_templates:
        text = _literals(template.text)
        for content in set(_matches(text, contents)):
            text = text.replace(content, _BREAK)
        for literal in _LOOKS_SPECIAL.findall(text):
            found[literal, template.name] = None
    tokens = ids_of(vocabulary.tokens, {literal for literal, _ in found})
    return tuple(pair for pair in found if pair[0] not in tokens)
