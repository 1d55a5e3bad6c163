"""A model's own vocabulary + the settings files -> the vocabulary that a loaded tokenizer has."""

from __future__ import annotations

from collections.abc import Mapping

from rowscope.inspector.frozen import ReadOnly
from rowscope.inspector.vocabulary.added import AddedTokens, note_shifts, stated_twice
from rowscope.inspector.vocabulary.base import Base
from rowscope.inspector.vocabulary.classes import REBUILDING
from rowscope.inspector.vocabulary.files import TokenizerFolder
from rowscope.inspector.vocabulary.lookup import HeldTokens, largest_id
from rowscope.inspector.vocabulary.model import AddedToken, ChatTemplate, Insertion, Vocabulary
from rowscope.inspector.vocabulary.settings import ADDED, CONFIG, Settings
from rowscope.inspector.vocabulary.tokenizer_json import NAME as TOKENIZER_JSON
from rowscope.inspector.vocabulary.written import WrittenTokens


def assemble(
    folder: TokenizerFolder, base: Base, settings: Settings, templates: tuple[ChatTemplate, ...]
) -> Vocabulary:
    """Add the added tokens as transformers 5 does, and gather everything."""
    added = _add(base, settings)
    lists = (
        (base.kind.partition("/")[0], base.added),
        (CONFIG if settings.decides else ADDED, settings.listed),
    )
    shifts = [shift for source, stated in lists for shift in added.shifts(source, stated)]
    note_shifts(shifts, folder.notes)
    by_id = {token.id: token for token in added.by_content.values()}
    tokens = _overlaid(base.tokens, {id: token.content for id, token in by_id.items()})
    roles: dict[str, tuple[str, ...]] = {role: (token,) for role, token in settings.roles.items()}
    if settings.additional:
        roles["additional"] = tuple(settings.additional)
    named = {content for contents in roles.values() for content in contents}
    special = [token.id for token in by_id.values() if token.special or token.content in named]
    return Vocabulary(
        kind=base.kind,
        files=tuple(folder.used),
        base_size=base.size,
        entries=len(base.ids) + base.repeated + added.new,
        max_id=largest_id(tokens),
        tokens=tokens,
        added=ReadOnly(dict(sorted(by_id.items()))),
        special_ids=frozenset(special),
        byte_level=base.byte_level,
        byte_fallback=base.byte_fallback,
        roles=ReadOnly(roles),
        chat_templates=templates,
        notes=tuple(folder.notes),
        insertions=base.insertions,
        unlisted=_unlisted(base, settings, added),
        shifts=tuple(shifts),
        twice={**base.twice, **stated_twice(base.added), **stated_twice(settings.listed)},
        metaspace=base.metaspace,
        alphabet=base.alphabet,
    )


def _unlisted(base: Base, settings: Settings, added: AddedTokens) -> tuple[Insertion, ...]:
    """Tokens that a file gives a standard role, and that are in no list of tokens."""
    listed = {token.content for token in (*base.added, *base.placed, *settings.listed)}
    return tuple(
        Insertion(settings.places[role], content, added.by_content[content].id)
        for role, content in settings.roles.items()
        if role in settings.places
        and content not in listed
        and content not in base.ids
        and content in added.by_content
    )


def _overlaid(tokens: Mapping[int, str], over: Mapping[int, str]) -> Mapping[int, str]:
    """All of both; those of `over` count."""
    if isinstance(tokens, WrittenTokens):
        return WrittenTokens(tokens.lines, over)
    return HeldTokens({**tokens, **over})


def _add(base: Base, settings: Settings) -> AddedTokens:
    """The order decides the ids: the tokenizer file's own, then the listed ones, roles, further ones.

    Of two files that state the same id tokenizer.json counts before added_tokens.json. A class that builds
    its tokenizer anew takes the listed tokens for the file's own where tokenizer_config.json lists any, and
    both together in the order of their ids where it does not.
    """
    rebuilds = settings.tokenizer_class in REBUILDING
    python = base.kind in ("vocab.json", "vocab.txt") and not rebuilds
    serialized = base.kind.startswith(TOKENIZER_JSON)
    added = AddedTokens(base, keep_stated=python)
    listed = settings.listed
    if serialized and not settings.decides:
        merged = {token.id: token for token in [*listed, *base.added]}
        listed = [merged[id] for id in sorted(merged)]
    if not (serialized and rebuilds):
        added.add(base.added)
    there = {*added.by_content, *(token.content for token in listed)}
    named = dict.fromkeys([*settings.roles.values(), *settings.additional])
    others = [AddedToken(-1, content) for content in named if content not in there]
    for batch in (listed, others) if python else ([*listed, *others],):
        added.add(batch)
    return added
