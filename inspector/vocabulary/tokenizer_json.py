"""`tokenizer.json` of the tokenizers library: BPE, WordPiece, Unigram and WordLevel models."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.vocabulary.alphabet import BYTE_LEVEL, alphabet_of
from rowscope.inspector.vocabulary.base import (
    Base,
    added_token,
    base_from_ids,
    base_from_lines,
    base_from_list,
    checked_ids,
)
from rowscope.inspector.vocabulary.files import TokenizerFolder, parse_without_merges, wrong
from rowscope.inspector.vocabulary.insertions import read_insertions
from rowscope.inspector.vocabulary.limits import MOST_ADDED, require

if TYPE_CHECKING:
    from rowscope.inspector.vocabulary.columns import Lines

NAME = "tokenizer.json"
_MODELS = ("BPE", "WordPiece", "Unigram", "WordLevel")


def read_tokenizer_json(folder: TokenizerFolder, name: str = NAME) -> Base:
    """The model's vocabulary and the file's own list of added tokens.

    Raises:
        TokenizerError: not JSON, or a vocabulary that the tokenizers library would refuse.
    """
    data = folder.read_bytes(name)
    document, lines = (
        parse_serialized(data, name) if folder.columns else (parse_without_merges(data, name), None)
    )
    if not isinstance(document, dict):
        raise wrong(name, "the file", document, "a JSON object")
    model = document.get("model")
    if not isinstance(model, dict):
        raise wrong(name, "the key 'model'", model, "a JSON object")
    base = _model(model, lines, name, folder.notes)
    added = document.get("added_tokens") or []
    if not isinstance(added, list):
        raise wrong(name, "the key 'added_tokens'", added, "a list")
    require(name, "added tokens", len(added), MOST_ADDED)
    base.added = [
        added_token(name, entry.get("id") if isinstance(entry, dict) else None, entry) for entry in added
    ]
    parts = [document.get(part) for part in ("normalizer", "pre_tokenizer", "decoder")]
    strings = {string for part in parts for string in _strings(part)}
    base.insertions = read_insertions(document, name)
    padding = document.get("padding")
    if isinstance(padding, dict) and isinstance(padding.get("pad_token"), str) and padding["pad_token"]:
        base.roles["pad"] = padding["pad_token"]
    base.alphabet = alphabet_of(document)
    base.byte_level = BYTE_LEVEL in base.alphabet.steps
    base.metaspace = "▁" in strings or "Metaspace" in strings
    base.byte_fallback = base.byte_fallback or model.get("byte_fallback") is True
    return base


def parse_serialized(data: bytes, name: str) -> tuple[object, Lines | None]:
    """The file's value, and the vocabulary of its model where that could be read by columns."""
    from rowscope.inspector.vocabulary.columns import cut_vocabulary

    marker = os.urandom(16).hex()
    cut = cut_vocabulary(data, f'"{marker}"'.encode())
    if cut is not None:
        try:
            document = parse_without_merges(cut[0], name)
        except TokenizerError:  # to be said of the whole file
            return parse_without_merges(data, name), None
        model = document.get("model") if isinstance(document, dict) else None
        if isinstance(model, dict) and model.get("vocab") == marker:
            return document, cut[1]
    return parse_without_merges(data, name), None


def _model(model: dict[str, object], lines: Lines | None, name: str, notes: list[str]) -> Base:
    vocabulary = {} if lines else model.get("vocab")
    kind = model.get("type") or _guess(model)
    if kind not in _MODELS:
        raise wrong(name, "the model's type", kind, f"one of {', '.join(_MODELS)}")
    if kind == "Unigram":
        return base_from_list(f"{NAME}/Unigram", _pieces(vocabulary, name), notes)
    if not isinstance(vocabulary, dict):
        raise wrong(name, "the key 'vocab' of the model", vocabulary, "a JSON object")
    if lines:
        return base_from_lines(f"{NAME}/{kind}", lines, notes)
    return base_from_ids(f"{NAME}/{kind}", checked_ids(name, vocabulary), notes)


def _guess(model: dict[str, object]) -> str:
    """The type of a model that does not state it: files written before tokenizers 0.9."""
    if isinstance(model.get("vocab"), list):
        return "Unigram"
    if "merges" in model:
        return "BPE"
    return "WordPiece" if "max_input_chars_per_word" in model else "WordLevel"


def _pieces(vocabulary: object, name: str) -> list[str]:
    """The texts of a Unigram vocabulary: a list of [text, score]."""
    if not isinstance(vocabulary, list):
        raise wrong(name, "the key 'vocab' of the Unigram model", vocabulary, "a list of [text, score]")
    for entry in vocabulary:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)):
            raise wrong(name, "an entry of the Unigram vocabulary", entry, "[text, score]")
    return [entry[0] for entry in vocabulary]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _strings(entry)
