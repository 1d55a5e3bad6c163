"""How much a tokenizer may hold. Each bound is several times what the largest published tokenizer needs.

They keep a hostile folder from taking minutes and gigabytes: with all of them at once a vocabulary is read in
less than 500 MB. What lies above one is refused with the figure, never read in part without a word.
"""

from __future__ import annotations

from collections.abc import Iterable

from rowscope.inspector.errors import TokenizerError

MOST_BYTES = 256 << 20
"""Of any tokenizer file. Half of a tokenizer.json is merges, which are cut out unread."""

MOST_PARSED = 48 << 20
"""Of a file to be parsed, once merges and columns are cut out: Python takes up to nine times as much."""

MOST_ENTRIES = 1 << 20
"""Of a model's own vocabulary."""

MOST_ADDED = 200_000
"""Added tokens, and further special ones, of one tokenizer."""

MOST_TOKEN = 1 << 16
"""Characters of one token."""

MOST_TEMPLATE = 1 << 20
"""Characters of all chat templates together; bytes of one file."""

MOST_TEMPLATES = 1_000
"""Chat templates of one tokenizer."""


def require(name: str, what: str, found: int, most: int) -> None:
    """Refuse more than there may be.

    Raises:
        TokenizerError: `found` is more than `most`.
    """
    if found > most:
        raise TokenizerError(
            f"{name} has {found:,} {what}, and rowscope reads {most:,} at most, several times what any known "
            "tokenizer has; check that it is the file you mean",
            location=name,
        )


def require_short(name: str, tokens: Iterable[str]) -> None:
    """Refuse a token that is longer than a token can be.

    Raises:
        TokenizerError: it has more than `MOST_TOKEN` characters.
    """
    require(name, "characters in one token", max(map(len, tokens), default=0), MOST_TOKEN)
