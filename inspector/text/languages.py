"""Sentences in another language, by their English templates: `zh.toml` beside this file.

Read on first use: a run in English never opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from rowscope.inspector.errors import bounded
from rowscope.inspector.text.said import Said, fill

_JOINERS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh": {" ": "", ", ": "、", "; ": "；", " · ": " · ", " and ": "和", " or ": "或", " and for ": "、"}
}
"""What stands between the parts of a text, by language."""

_UNTRANSLATED: Final[Mapping[str, str]] = {"zh": "（英文原文）{text}"}


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """English template -> that of the language; the file's tables are for those who read it."""
    import tomllib  # 3 ms that a run in English need not wait for

    tables = tomllib.loads((Path(__file__).parent / f"{language}.toml").read_text("utf-8"))
    return {entry["en"]: entry["zh"] for entries in tables.values() for entry in entries}


_WIDE: Final = "[\u2e80-\u9fff\uff00-\uffef]"
_MARK: Final = "[\u3000-\u303f\uff00-\uffef]"
_BROKEN: Final = (
    rf"(?<={_WIDE})\n {{0,2}}(?={_WIDE})|(?<={_MARK})\n {{0,2}}(?=[`\w])|(?<=[`\w])\n {{0,2}}(?={_MARK})"
)


def unbroken(text: str) -> str:
    """Text without the line breaks between two wide characters, and beside a mark in full width: a source has
    them for its own sake, and no blank stands there."""
    import re

    return re.sub(_BROKEN, "", text)


def translated(text: str, language: str) -> str | None:
    """A text in another language; None where a part of it has no words there.

    What is no sentence of ours, a name from a file say, is the same in every language; so is all in English.
    """
    if language == "en":
        return str(text)
    try:
        return bounded(_spoken(text, language)) if isinstance(text, Said) else None
    except KeyError:
        return None


def told(text: str, language: str) -> str:
    """Like `translated`; where there are no words the English ones whole, and that they are English."""
    found = translated(text, language)
    return _UNTRANSLATED[language].format(text=text) if found is None else found


def _spoken(text: Any, language: str) -> Any:  # noqa: ANN401 - what a template may hold
    if not isinstance(text, Said):
        return text
    if text.parts:
        between = _JOINERS[language].get(text.template, text.template)
        return between.join(_spoken(part, language) for part in text.parts)
    if not text.template:
        return ""
    values = {name: _spoken(value, language) for name, value in text.values.items()}
    return fill(catalogue(language)[text.template], values)
