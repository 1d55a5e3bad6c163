"""The tokenizer itself, as the package tokenizers loads it."""

from __future__ import annotations

from typing import Any

from rowscope.inspector.errors import TokenizerError


def library_tokenizer(raw: bytes, location: str) -> Any:  # noqa: ANN401 - tokenizers.Tokenizer
    """The tokenizer of a tokenizer.json, without truncation and padding.

    Raises:
        ImportError: the package tokenizers is not installed.
        TokenizerError: the library does not take the file.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(raw)
    except BaseException as error:
        # The library raises ValueError or the bare class Exception for a file that it does not take, and
        # PyO3's PanicException, which is no Exception, where its own assumptions fail.
        if type(error) not in (Exception, ValueError) and type(error).__name__ != "PanicException":
            raise
        raise TokenizerError(
            f"{location!r} cannot be loaded by the package tokenizers: {error}; correct it or take it from "
            "its source",
            location=location,
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
