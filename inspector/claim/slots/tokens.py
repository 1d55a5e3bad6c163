"""Which texts can become tokens, and which can with a warning."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rowscope.inspector.claim.model import Caution
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.ranges import shortened
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary import (
    Vocabulary,
    byte_alphabet,
    byte_level_spelling,
    ids_of,
    is_placeholder,
)

_ALPHABET: Final = frozenset(byte_alphabet())


def named_tokens(tokens: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever a caller takes for tokens
    """The tokens asked for: one as text, or a list or tuple of texts.

    Raises:
        UsageError: something else, or one of them is no text.
    """
    names = (tokens,) if isinstance(tokens, str) else tokens
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise UsageError(
            f"{shortened(tokens)} names no tokens; give a text, or a list of texts", location="tokens"
        )
    return tuple(names)


def check_tokens(tokens: Sequence[str], vocabulary: Vocabulary) -> None:
    """Refuse what cannot be a token of its own.

    Raises:
        UsageError: no token, an empty or blank one, one given twice, or one with control characters.
        RefusedError: the tokenizer has the token already.
    """
    if not tokens:
        raise UsageError("no token given; name at least one, like '<NUM>'", location="TOKEN")
    for token in tokens:
        _check_text(token)
    repeated = next((token for at, token in enumerate(tokens) if token in tokens[:at]), None)
    if repeated is not None:
        raise UsageError(f"{repeated!r} is given twice; name each token once", location="TOKEN")
    present = ids_of(vocabulary.tokens, set(tokens))
    if present:
        token, (*_, id) = next(iter(present.items()))
        raise RefusedError(
            f"{token!r} is in the vocabulary already, with id {id}; choose another name, or use that token",
            location=token,
        )


def _check_text(token: str) -> None:
    if not token.strip():
        what = "is empty" if not token else "holds only white space, which every text would match"
        raise UsageError(
            f"the token {token!r} {what}; give it a visible name, like '<NUM>'", location="TOKEN"
        )
    for character in token:
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise UsageError(
                f"the token {token!r} holds the control character U+{ord(character):04X}, which tokenizer "
                "files and normalizers do not keep; leave it out",
                location="TOKEN",
            )


def text_cautions(tokens: Sequence[str], vocabulary: Vocabulary) -> Iterator[Caution]:
    """Warnings about how the tokens will match in text."""
    for token in tokens:
        yield from _surprises(token)
    for token in tokens:
        if vocabulary.byte_level and not token.isascii() and set(token) <= _ALPHABET:
            yield Caution(
                "decoding",
                say(
                    "{token!r} will not decode to itself: its letters also stand for single bytes in this "
                    "tokenizer's spelling; use ASCII letters",
                    token=token,
                ),
            )
    spellings = {token: _spelling(token, vocabulary) for token in tokens}
    ordinary = ids_of(vocabulary.tokens, set(spellings.values()))
    for token, spelling in spellings.items():
        if spelling in ordinary:
            yield Caution(
                "shadows",
                say(
                    "{token!r} is also the text of the ordinary token {id:d}, which it will replace wherever "
                    "it stands",
                    token=token,
                    id=ordinary[spelling][-1],
                ),
            )
    added = [entry.content for entry in vocabulary.added.values() if entry.content]
    for token in tokens:
        others = [*added, *(other for other in tokens if other != token)]
        inside = [other for other in others if other in token or token in other]
        if inside:
            yield Caution(
                "overlap",
                say(
                    "{token!r} and the added token {other!r} contain one another: where both match, the "
                    "leftmost, then the longest counts",
                    token=token,
                    other=inside[0],
                ),
            )


def _spelling(token: str, vocabulary: Vocabulary) -> str:
    """How the tokenizer's model would store an ordinary token of this text."""
    if vocabulary.byte_level:
        return byte_level_spelling(token.encode())
    return token.replace(" ", "▁") if vocabulary.metaspace else token


def _surprises(token: str) -> Iterator[Caution]:
    if token != token.strip():
        yield Caution(
            "blank", say("{token!r} begins or ends with a blank, and matches only with it", token=token)
        )
    if token[0].isalnum() or token[-1].isalnum():
        yield Caution(
            "inside-words",
            say("{token!r} will also match inside longer words: it has no brackets", token=token),
        )
    hidden = [c for c in token if not c.isprintable() and c != " "]
    if hidden:
        yield Caution(
            "invisible",
            say(
                "{token!r} holds {point}, which does not show in text",
                token=token,
                point=f"U+{ord(hidden[0]):04X}",
            ),
        )
    if unicodedata.normalize("NFC", token) != token:
        yield Caution(
            "unnormalised",
            say("{token!r} is not in Unicode's NFC form, in which most text comes", token=token),
        )
    if is_placeholder(token):
        yield Caution(
            "placeholder",
            say("{token!r} is named like a placeholder and will be counted as one", token=token),
        )
