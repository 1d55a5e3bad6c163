"""Texts to try a tokenizer on: the new token in other spellings, and words of the vocabulary."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from rowscope.inspector.claim.model import Claimed
from rowscope.inspector.vocabulary import Vocabulary, all_ids

_WORDS: Final = 96
_PER_LINE: Final = 12
_PLAIN: Final = (
    "The quick brown fox jumps over the lazy dog, and 1,234.5 others don't.",
    "naïve café Ångström ﬁne ＡＢＣ İstanbul straße 中文 हिन्दी 😀 <b> [x] {y} a_b #1",
    "leading leader mislead I i x X axb",
)


def other_texts(claimed: Sequence[Claimed], vocabulary: Vocabulary) -> list[str]:
    """Texts in which no new token stands as it is written, nor a placeholder whose place one takes."""
    names = [claim.token for claim in claimed]
    names += [claim.replaces for claim in claimed if claim.replaces is not None]
    texts = [*_PLAIN, *_lines(vocabulary)]
    for claim in claimed:
        for spelling in dict.fromkeys(_spellings(claim.token)):
            texts += [spelling, f"the {spelling} is", f"a{spelling}b"]
    return [text for text in dict.fromkeys(texts) if text and not any(name in text for name in names)]


def _spellings(token: str) -> Iterator[str]:
    """Texts that a normaliser may take for the token, and parts of it."""
    yield from (token.lower(), token.upper(), token.swapcase(), token.title(), token.strip())
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        changed = unicodedata.normalize(form, token)
        yield from (changed, changed.lower())
    bare = "".join(c for c in unicodedata.normalize("NFKD", token) if not unicodedata.combining(c))
    yield from (bare, bare.lower(), bare.upper())
    stripped = token.strip()
    yield from (
        stripped[1:],
        stripped[:-1],
        " ".join(stripped),
        token.replace(" ", ""),
        token.replace(" ", "  "),
    )
    yield from (stripped.lstrip("#▁Ġ"), f"is{stripped.lstrip('#')}", f"{stripped}\u0301", f"{stripped}\u200d")


def _lines(vocabulary: Vocabulary) -> Iterator[str]:
    """Words from all over the vocabulary, as they stand in text."""
    ids = sorted(all_ids(vocabulary.tokens).tolist())
    some = ids[:: max(1, len(ids) // _WORDS)]
    words = [vocabulary.text(id) or "" for id in some if id not in vocabulary.added]
    for start in range(0, len(words), _PER_LINE):
        line = words[start : start + _PER_LINE]
        yield "".join(line)
        yield " ".join(word.removeprefix("##").strip() for word in line)
