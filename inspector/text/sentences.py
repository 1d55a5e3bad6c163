"""Sentences as data: one TOML file a language, in the folder of the room that says them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

from rowscope.inspector.errors import unknown_value
from rowscope.inspector.text.languages import told

LANGUAGES: Final = ("en", "zh")


def check_language(language: str) -> None:
    """
    Raises:
        UsageError: a language that is not in `LANGUAGES`.
    """
    if not isinstance(language, str) or language not in LANGUAGES:
        raise unknown_value("--lang", language, LANGUAGES)


class Texts:
    """Sentences of one language by key (`weights.copies`), from the files `en.toml`, `zh.toml` of a folder.

    Raises:
        UsageError: a language that is not in `LANGUAGES`.
    """

    def __init__(self, language: str, folder: Path) -> None:
        check_language(language)
        self.language = language
        self._sections = tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))

    def say(self, key: str, **values: object) -> str:
        """The sentence of a key with its {names} filled in."""
        text = self._find(key)
        assert isinstance(text, str), key
        return text.format(**values)

    def told(self, text: str) -> str:
        """A text of the tool's in this language; one without words there whole in English, and marked so."""
        return told(text, self.language)

    def maybe(self, key: str, **values: object) -> str | None:
        """Like `say`; None where there is no such key."""
        section, _, name = key.partition(".")
        return self.say(key, **values) if name in self._sections.get(section, ()) else None

    def cells(self, key: str, **values: object) -> list[str]:
        """The heading cells of a table."""
        found = self._find(key)
        assert isinstance(found, list), key
        return [str(cell).format(**values) for cell in found]

    def section(self, name: str) -> dict[str, str]:
        """All sentences of a section by key, not filled in: what a page's script says."""
        return {key: str(value) for key, value in self._sections[name].items()}

    def _find(self, key: str) -> object:
        section, _, name = key.partition(".")
        return self._sections[section][name]
