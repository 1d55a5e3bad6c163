"""The tokenizer itself, by its own library: what texts encode to before and after a claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rowscope.inspector.vocabulary import (
    AddedToken,
    TokenizerFolder,
    Vocabulary,
    library_tokenizer,
    loaded_document,
)


def load(folder: TokenizerFolder, vocabulary: Vocabulary) -> Any:  # noqa: ANN401 - tokenizers.Tokenizer
    """The tokenizer of the files, with the vocabulary's added tokens; None where no file holds its rules.

    Raises:
        ImportError: the package tokenizers is not installed.
        TokenizerError: a file that cannot be read, or that the package does not take.
    """
    raw = loaded_document(folder, vocabulary)
    if raw is None:
        return None
    tokenizer = library_tokenizer(raw, vocabulary.files[0] if vocabulary.files else "tokenizer.json")
    add(tokenizer, [vocabulary.added[id] for id in sorted(vocabulary.added)])
    return tokenizer


def add(tokenizer: Any, tokens: Sequence[AddedToken]) -> None:  # noqa: ANN401 - tokenizers.Tokenizer
    """Add tokens in this order, with their flags."""
    import tokenizers

    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    for token in tokens:
        given = {flag: getattr(token, flag) for flag in flags}
        own = tokenizers.AddedToken(token.content, **given)
        if token.special:
            tokenizer.add_special_tokens([own])
        else:
            tokenizer.add_tokens([own])


def ids_in(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:  # noqa: ANN401 - tokenizers.Tokenizer
    """The ids of each text. (The library's `tokens` may spell an unknown piece as the text does.)"""
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def named(tokenizer: Any, ids: Sequence[int]) -> list[str]:  # noqa: ANN401 - tokenizers.Tokenizer
    """The tokens of ids, for people."""
    return [str(tokenizer.id_to_token(id)) for id in ids]
