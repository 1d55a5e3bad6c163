"""Which tokens the chat templates write, by the literals of their source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rowscope.inspector.vocabulary.jinja import Piece, pieces
from rowscope.inspector.vocabulary.matching import Matcher
from rowscope.inspector.vocabulary.model import Vocabulary

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
    if not by_content:
        return {}
    matcher = Matcher(by_content)
    found: dict[int, dict[str, None]] = {}
    for template in vocabulary.chat_templates:
        lexed = list(pieces(template.text))
        contents = [*matcher.found(_literals(lexed)), *matcher.found(_with_speakers(lexed))]
        for content in (*contents, *_named(lexed, vocabulary.roles)):
            if content in by_content:
                found.setdefault(by_content[content], {})[template.name] = None
    return {id: tuple(names) for id, names in sorted(found.items())}


def _named(lexed: Sequence[Piece], roles: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The tokens whose role a template names, as `eos_token`."""
    names = {text for kind, text in lexed if kind == "name" and text.endswith("_token")}
    return [token for name in names for token in roles.get(name.removesuffix("_token"), ())]


def _with_speakers(lexed: Sequence[Piece]) -> str:
    """What stands around variable roles, with each speaker in the role's place, parted from each other."""
    skeleton = []
    for kind, text in lexed:
        if kind == "name":
            skeleton.append(_ROLE if text == "role" else _NAME)
        else:
            skeleton.append(_BREAK if kind == "block" else text)
    around = dict.fromkeys(match.groups() for match in _AROUND_ROLE.finditer("".join(skeleton)))
    return _BREAK.join(before + speaker + behind for before, behind in around for speaker in _SPEAKERS)


def _literals(lexed: Sequence[Piece]) -> str:
    """The texts and string constants one after the other, parted so that no token spans two of them."""
    return _BREAK.join(text for kind, text in lexed if kind in ("text", "string"))
