"""Questions to a vocabulary's tokens that need not look at every one of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rowscope.inspector.frozen import ReadOnly
from rowscope.inspector.vocabulary.model import Vocabulary
from rowscope.inspector.vocabulary.written import WrittenTokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_MOST_COMPARED: Final = 200
"""Characters of a word that is compared with all tokens: that takes time with the square of them."""


class HeldTokens(ReadOnly[int, str]):
    """Tokens by id that were read one by one, and are asked for by their text a dozen times in an audit."""

    @cached_property
    def by_token(self) -> dict[str, int] | None:
        """Each token's id; None where one has several."""
        found = dict(zip(self.values(), self, strict=True))
        return found if len(found) == len(self) else None

    def __reduce__(self) -> tuple[type[HeldTokens], tuple[dict[int, str]]]:
        return HeldTokens, (dict(self),)


def all_ids(tokens: Mapping[int, str]) -> NDArray[np.int64]:
    """The ids that have a token, int64 [n], in no particular order."""
    if isinstance(tokens, WrittenTokens):
        return tokens.ids
    import numpy as np

    return np.fromiter(tokens, dtype=np.int64, count=len(tokens))


def largest_id(tokens: Mapping[int, str]) -> int | None:
    """The largest id that has a token; None where there is none."""
    if isinstance(tokens, WrittenTokens):
        return int(tokens.ids.max()) if tokens.ids.size else None
    return max(tokens, default=None)


def starting(tokens: Mapping[int, str], characters: Collection[str]) -> list[tuple[int, str]]:
    """The ids and tokens that start with one of these ASCII characters."""
    entries = tokens.starting(characters) if isinstance(tokens, WrittenTokens) else tokens.items()
    return [(id, token) for id, token in entries if token and token[0] in characters]


def ids_of(tokens: Mapping[int, str], wanted: Collection[str]) -> dict[str, list[int]]:
    """The ids of each of the wanted tokens that is there, ascending."""
    if isinstance(tokens, WrittenTokens):
        return tokens.ids_of(wanted)
    ids = tokens.by_token if isinstance(tokens, HeldTokens) else None
    if ids is not None:
        return {token: [ids[token]] for token in wanted if token in ids}
    found: dict[str, list[int]] = {}
    for id, token in tokens.items():
        if token in wanted:
            found.setdefault(token, []).append(id)
    return {token: sorted(several) for token, several in found.items()}


def differing(one: Mapping[int, str], other: Mapping[int, str]) -> set[int]:
    """The ids that have another token in one vocabulary than in the other, or a token in one alone."""
    if (
        isinstance(one, WrittenTokens)
        and isinstance(other, WrittenTokens)
        and one.lines.text == other.lines.text
    ):
        # The models' own entries are the same; only what lies over them can differ.
        return {id for id in {*one.over, *other.over} if one.get(id) != other.get(id)}
    left, right = dict(one.items()), dict(other.items())
    return {id for id in left.keys() | right.keys() if left.get(id) != right.get(id)}


def near_tokens(vocabulary: Vocabulary | None, token: str, among: Collection[int] | None = None) -> str:
    """`did you mean …? ` with up to three tokens, or nothing; `among` are the ids to look at, None for all.

    Only tokens of about the same length are compared, or it would take seconds; then added ones that the word
    is a part of.
    """
    if vocabulary is None or not 0 < len(token) <= _MOST_COMPARED:
        return ""
    from difflib import get_close_matches

    length = len(token)
    ids = vocabulary.tokens if among is None else among
    texts = {vocabulary.text(id) or vocabulary.tokens[id] for id in ids}
    alike = {text for text in texts if abs(len(text) - length) <= max(1, length // 4)}
    near = get_close_matches(token, sorted(alike), n=3)
    if not near:
        added = sorted(vocabulary.added)
        names = [vocabulary.tokens[id] for id in added if among is None or id in among]
        near = [name for name in names if length > 2 and token.lower() in name.lower()][:3]
    return f"did you mean {' or '.join(repr(text) for text in near)}? " if near else ""


def called(vocabulary: Vocabulary, name: str) -> list[int]:
    """The ids of the tokens that people call so, ascending: stored so, else of this text, else shown so."""
    stored = ids_of(vocabulary.tokens, {name}).get(name)
    if stored:
        return stored
    meant = [id for id in vocabulary.tokens if vocabulary.text(id) == name]
    return sorted(meant or [id for id in vocabulary.tokens if vocabulary.shown(id) == name])
