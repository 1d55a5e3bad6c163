"""What every format's reader hands over, before the settings files have their say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rowscope.inspector.text import say
from rowscope.inspector.vocabulary.alphabet import Alphabet
from rowscope.inspector.vocabulary.files import wrong
from rowscope.inspector.vocabulary.limits import MOST_ENTRIES, MOST_TOKEN, require, require_short
from rowscope.inspector.vocabulary.model import AddedToken, Insertion
from rowscope.inspector.vocabulary.written import WrittenIds, WrittenTokens

if TYPE_CHECKING:
    from rowscope.inspector.vocabulary.columns import Lines

MAX_ID = 2**32 - 1
"""Ids are 32-bit in every tokenizer library; a larger one is refused."""


@dataclass
class Base:
    """A tokenizer model's own vocabulary.

    Attributes:
        kind: see `Vocabulary.kind`.
        ids: token -> id.
        tokens: id -> token.
        size: entries as the format's library counts them.
        repeated: how many of a list's entries repeat another one; libraries count them as well.
        added: the added tokens that the same file lists, in its order, with the ids it states.
        placed: added tokens whose ids are part of the format itself; in `tokens`, not in `ids`.
        roles: role -> token where the format itself says so.
        insertions: ids that the file's post-processor and padding insert.
        twice: ids that several tokens of `ids` have -> these.
    """

    kind: str
    ids: Mapping[str, int]
    tokens: Mapping[int, str]
    size: int
    added: list[AddedToken] = field(default_factory=list)
    placed: list[AddedToken] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    byte_level: bool = False
    byte_fallback: bool = False
    metaspace: bool = False
    alphabet: Alphabet | None = None
    insertions: tuple[Insertion, ...] = ()
    twice: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    repeated: int = 0


def base_from_ids(kind: str, ids: dict[str, int], notes: list[str]) -> Base:
    """Token -> id, already checked; two tokens of one id get a note, the later one keeps the id.

    Raises:
        TokenizerError: more or longer tokens than the limits.
    """
    require(kind, "tokens", len(ids), MOST_ENTRIES)
    require_short(kind, ids)
    tokens = dict(zip(ids.values(), ids.keys(), strict=True))
    base = Base(kind, ids, tokens, len(ids), byte_fallback="<0x00>" in ids and "<0xFF>" in ids)
    if len(tokens) < len(ids):
        notes.append(_shared(len(ids) - len(tokens)))
        base.twice = _twice(ids)
    return base


def base_from_lines(kind: str, lines: Lines, notes: list[str]) -> Base:
    """The same for a vocabulary read by columns."""
    require(kind, "tokens", int(lines.ids.size), MOST_ENTRIES)
    require(kind, "bytes in one token", int((lines.stops - lines.starts).max(initial=0)), MOST_TOKEN)
    ids, tokens = WrittenIds(lines), WrittenTokens(lines)
    base = Base(kind, ids, tokens, len(ids), byte_fallback="<0x00>" in ids and "<0xFF>" in ids)
    if len(tokens) < len(ids):
        notes.append(_shared(len(ids) - len(tokens)))
        base.twice = _twice(lines.all)
    return base


def _twice(ids: Mapping[str, int]) -> dict[int, tuple[str, ...]]:
    """The ids that several tokens have, and these."""
    met: dict[int, list[str]] = {}
    for token, id in ids.items():
        met.setdefault(id, []).append(token)
    return {id: tuple(tokens) for id, tokens in met.items() if len(tokens) > 1}


def _shared(count: int) -> str:
    return say("{count:# token shares its|# tokens share their} id with another token", count=count)


def base_from_list(kind: str, listed: list[str], notes: list[str]) -> Base:
    """Tokens whose ids are their places; of equal ones the last is the one that a text gets.

    Raises:
        TokenizerError: more or longer tokens than the limits.
    """
    require(kind, "tokens", len(listed), MOST_ENTRIES)
    require_short(kind, listed)
    ids = {token: place for place, token in enumerate(listed)}
    if len(ids) < len(listed):
        repeated = len(listed) - len(ids)
        notes.append(
            say("{count:# entry repeats|# entries repeat} a token that is there already", count=repeated)
        )
    return Base(
        kind,
        ids,
        dict(enumerate(listed)),
        len(listed),
        byte_fallback="<0x00>" in ids and "<0xFF>" in ids,
        repeated=len(listed) - len(ids),
    )


def checked_ids(name: str, vocabulary: dict[str, object]) -> dict[str, int]:
    """The mapping itself, once every value is known to be an id."""
    values = vocabulary.values()
    if set(map(type, values)) - {int} or (
        vocabulary and not (min(values) >= 0 and max(values) <= MAX_ID)  # type: ignore[type-var, operator]
    ):
        token, value = next(item for item in vocabulary.items() if not is_id(item[1]))
        raise wrong(name, f"the id of token {ascii(token)[:40]}", value, f"an integer from 0 to {MAX_ID}")
    return vocabulary  # type: ignore[return-value]


def is_id(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_ID


def added_token(name: str, id: object, entry: object) -> AddedToken:
    """An added token as `tokenizer.json` and `added_tokens_decoder` spell it.

    Absent flags are false, as in the tokenizers library's `AddedToken`; `special` too.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("content"), str):
        raise wrong(name, "an added token", entry, "an object with a text as its content")
    require_short(name, (entry["content"],))
    if isinstance(id, str) and id.isascii() and id.isdigit() and len(id) <= 10:
        id = int(id)
    if type(id) is not int or not is_id(id):
        raise wrong(name, f"the id of added token {ascii(entry['content'])[:40]}", id, "a token id")
    flags = {flag: entry.get(flag, False) for flag in _FLAGS}
    for flag, value in flags.items():
        if type(value) is not bool:
            raise wrong(name, f"{flag} of added token {ascii(entry['content'])[:40]}", value, "true or false")
    return AddedToken(id, entry["content"], **flags)


_FLAGS = ("special", "normalized", "lstrip", "rstrip", "single_word")
