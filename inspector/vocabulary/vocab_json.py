"""`vocab.json`: token -> id, with or without a `merges.txt` beside it (which nothing here needs)."""

from __future__ import annotations

from rowscope.inspector.vocabulary.alphabet import in_bytes
from rowscope.inspector.vocabulary.base import Base, base_from_ids, checked_ids
from rowscope.inspector.vocabulary.classes import spelling_of
from rowscope.inspector.vocabulary.files import TokenizerFolder
from rowscope.inspector.vocabulary.spelling import byte_alphabet

NAME = "vocab.json"


def read_vocab_json(folder: TokenizerFolder, tokenizer_class: str | None, name: str = NAME) -> Base:
    """Byte-level is a vocabulary that has every character of the GPT-2 alphabet as a token of its own.

    A few classes spell the ends of words besides.

    Raises:
        TokenizerError: not a JSON object from token to id.
    """
    ids = checked_ids(name, folder.read_object(name))
    base = base_from_ids(name, ids, folder.notes)
    base.byte_level = all(character in ids for character in byte_alphabet())
    base.metaspace = not base.byte_level and "▁" in ids
    more = spelling_of(tokenizer_class)
    if more is not None:
        base.alphabet = in_bytes(more.steps) if base.byte_level else more
    return base
