"""Texts with a new token in them, as the model reads them now and as it will."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rowscope.inspector.errors import UsageError
from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.call import encode
from rowscope.inspector.model.loading.load import Loaded

MOST_TEXTS: Final = 64
MOST_TOKENS: Final = 128
"""Of a text; the rest is cut off."""


@record
class Pair:
    """One text twice.

    Attributes:
        pieces: ids with the token's pieces in its place; token: ids with the new id.
        at_pieces, at_token: positions that are compared, pair by pair: the token and its last piece, and
            whatever follows the first of them.
    """

    pieces: tuple[int, ...]
    token: tuple[int, ...]
    at_pieces: tuple[int, ...]
    at_token: tuple[int, ...]


def pieces_of(loaded: Loaded, token: str) -> tuple[int, ...]:
    """The tokens that a text is made of.

    Raises:
        UsageError: none.
    """
    found = tuple(encode(loaded, token, special=False))
    if not found:
        raise UsageError(
            f"--values distil: {token!r} encodes to no token with a row; use --values mean",
            location="--values",
        )
    return found


def pairs_of(loaded: Loaded, token: str, id: int, texts: Sequence[str]) -> list[Pair]:
    """The texts in which a token occurs, cut as its tokenizer will cut them: an added token stands alone.

    Raises:
        UsageError: it occurs in none of them, within the first `MOST_TOKENS`; too many texts.
    """
    if len(texts) > MOST_TEXTS:
        raise UsageError(
            f"--values distil: {len(texts):,} texts; give at most {MOST_TEXTS}", location="--values"
        )
    pieces, opening = pieces_of(loaded, token), _opening(loaded)
    found = [_pair(loaded, text.split(token), pieces, opening, id) for text in texts if token in text]
    found = [pair for pair in found if pair.at_token]
    if not found:
        raise UsageError(
            f"--values distil: {token!r} occurs in none of the texts (in the first "
            f"{MOST_TOKENS} tokens); write it where it is meant, such as 'distil:The lamp costs {token} "
            "today.', or one text a line in distil:@FILE",
            location="--values",
        )
    return found


def _opening(loaded: Loaded) -> list[int]:
    """What the tokenizer puts before every text."""
    bare, whole = (encode(loaded, "a", special=special) for special in (False, True))
    starts = [at for at in range(len(whole)) if whole[at : at + len(bare)] == bare]
    return whole[: starts[0]] if bare and starts else []


def _pair(loaded: Loaded, parts: Sequence[str], pieces: tuple[int, ...], opening: list[int], id: int) -> Pair:
    old, new = list(opening), list(opening)
    at_old: list[int] = []
    at_new: list[int] = []
    for number, part in enumerate(parts):
        if number:
            old += pieces
            new.append(id)
            at_old.append(len(old) - 1)
            at_new.append(len(new) - 1)
        ids = encode(loaded, part, special=False) if part else []
        if number:
            at_old += range(len(old), len(old) + len(ids))
            at_new += range(len(new), len(new) + len(ids))
        old += ids
        new += ids
    kept = [(a, b) for a, b in zip(at_old, at_new, strict=True) if a < MOST_TOKENS]
    places = ([a for a, _ in kept], [b for _, b in kept])
    stop = max(places[1], default=-1) + 1
    return Pair(tuple(old[:MOST_TOKENS]), tuple(new[:stop]), tuple(places[0]), tuple(places[1]))
