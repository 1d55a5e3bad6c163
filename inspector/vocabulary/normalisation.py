"""What a tokenizer's normaliser makes of a text, by the rules of `tokenizer.json`, without its library."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final

_FORMS: Final = ("NFC", "NFD", "NFKC", "NFKD")
_LIKE_NFKC: Final = "Precompiled"
"""sentencepiece's rules, a table of their own; nearly all of them are NFKC with some signs left out."""


def normalise(text: str, rules: Mapping[str, Any] | None) -> str:
    """The text as the model sees it, as far as rules change letters; blanks and prefixes stay as they are."""
    if rules is None:
        return text
    kind = rules.get("type")
    if kind == "Sequence":
        steps = rules.get("normalizers")
        for step in steps if isinstance(steps, list) else ():
            text = normalise(text, step if isinstance(step, dict) else None)
        return text
    if kind in _FORMS:
        return unicodedata.normalize(str(kind), text)  # type: ignore[arg-type]
    change = _CHANGES.get(str(kind))
    return text if change is None else change(text, rules)


def _lower(text: str, rules: Mapping[str, Any]) -> str:
    return text.lower()


def _strip_accents(text: str, rules: Mapping[str, Any]) -> str:
    """Combining marks go; composed letters keep theirs, as in the library."""
    return "".join(letter for letter in text if unicodedata.category(letter)[0] != "M")


def _bert(text: str, rules: Mapping[str, Any]) -> str:
    """Control characters go, accents by decomposing, where `strip_accents` or, unset, `lowercase` says so."""
    lowercase = rules.get("lowercase") is not False
    if rules.get("clean_text") is not False:
        text = "".join(
            letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cf", "Co", "Cn")
        )
    accents = rules.get("strip_accents")
    if lowercase if accents is None else accents:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return text.lower() if lowercase else text


def _compatible(text: str, rules: Mapping[str, Any]) -> str:
    return unicodedata.normalize("NFKC", text)


_CHANGES: Final[dict[str, Callable[[str, Mapping[str, Any]], str]]] = {
    "Lowercase": _lower,
    "StripAccents": _strip_accents,
    "BertNormalizer": _bert,
    _LIKE_NFKC: _compatible,
}
