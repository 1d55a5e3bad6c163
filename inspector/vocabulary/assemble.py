"""A model's own vocabulary + the settings files -> the vocabulary that a loaded tokenizer has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from rowscope.inspector.vocabulary.base import Base
from rowscope.inspector.vocabulary.files import TokenizerFolder
from rowscope.inspector.vocabulary.model import AddedToken, ChatTemplate, Vocabulary
from rowscope.inspector.vocabulary.settings import Settings

_NAMED_IN_NOTES = 5


class AddedTokens:
    """Gives ids to added tokens by the rule of the tokenizers library.

    The id that a file states does not count there: a token of the model's vocabulary keeps its id, any
    other gets the next one behind the model's size and behind all added tokens so far. Files written by
    the library state exactly these ids; for others a note names the difference.
    """

    def __init__(self, base: Base) -> None:
        self.base = base
        self.by_content: dict[str, AddedToken] = {}
        self.moved: list[tuple[str, int, int]] = []
        self._last = -1

    def add(self, tokens: Iterable[AddedToken]) -> None:
        """Add tokens in this order; one that is there already takes the new flags and keeps its id."""
        for token in tokens:
            if not token.content:
                continue
            known = self.by_content.get(token.content)
            id = known.id if known else self.base.ids.get(token.content, self._next())
            if id != token.id and token.id >= 0 and known is None:
                self.moved.append((token.content, token.id, id))
            self.by_content[token.content] = replace(token, id=id)
            self._last = max(self._last, id)

    def add_special(self, contents: Iterable[str]) -> None:
        """Add special tokens that are named only, where they are not added tokens yet."""
        self.add(AddedToken(-1, content) for content in contents if content not in self.by_content)

    def _next(self) -> int:
        return max(self.base.size, self._last + 1)


def assemble(
    folder: TokenizerFolder, base: Base, settings: Settings, templates: tuple[ChatTemplate, ...]
) -> Vocabulary:
    """Add tokens in transformers' order: the tokenizer file's own, the listed ones, roles, further ones."""
    added = AddedTokens(base)
    added.add(base.added)
    added.add(settings.listed)
    added.add_special(settings.roles.values())
    added.add_special(settings.additional)
    _note_moved(added.moved, folder.notes)
    by_id = {token.id: token for token in added.by_content.values()}
    tokens = dict(base.tokens)
    tokens.update((id, token.content) for id, token in by_id.items())
    new = sum(content not in base.ids for content in added.by_content)
    roles: dict[str, tuple[str, ...]] = {role: (token,) for role, token in settings.roles.items()}
    if settings.additional:
        roles["additional"] = tuple(settings.additional)
    named = {content for contents in roles.values() for content in contents}
    special = [token.id for token in by_id.values() if token.special or token.content in named]
    return Vocabulary(
        kind=base.kind,
        files=tuple(folder.used),
        base_size=base.size,
        entries=len(base.ids) + new,
        max_id=max(tokens, default=None),
        tokens=MappingProxyType(tokens),
        added=MappingProxyType(dict(sorted(by_id.items()))),
        special_ids=frozenset(special),
        byte_level=base.byte_level,
        byte_fallback=base.byte_fallback,
        roles=MappingProxyType(roles),
        chat_templates=templates,
        notes=tuple(folder.notes),
        metaspace=base.metaspace,
    )


def _note_moved(moved: list[tuple[str, int, int]], notes: list[str]) -> None:
    if moved:
        shown = ", ".join(f"{content!r} {stated} -> {id}" for content, stated, id in moved[:_NAMED_IN_NOTES])
        more = f" and {len(moved) - _NAMED_IN_NOTES} more" if len(moved) > _NAMED_IN_NOTES else ""
        notes.append(
            "added tokens that get another id than their file states when the tokenizer is loaded: "
            f"{shown}{more}"
        )
