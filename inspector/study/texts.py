"""The study's sentences, as data: one TOML file a language."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

from rowscope.inspector.errors import UsageError

LANGUAGES: Final = ("en", "zh")


class Texts:
    """Sentences of one language by key (`weights.copies`).

    Raises:
        UsageError: a language that is not in `LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise UsageError(
                f"--lang {language!r} is not known; use {' or '.join(LANGUAGES)}", location="--lang"
            )
        text = (Path(__file__).parent / f"{language}.toml").read_text("utf-8")
        self._sections = tomllib.loads(text)

    def say(self, key: str, **values: object) -> str:
        """The sentence of a key with its {names} filled in."""
        text = self._find(key)
        assert isinstance(text, str), key
        return text.format(**values)

    def maybe(self, key: str, **values: object) -> str | None:
        """Like `say`; None where there is no such key."""
        section, _, name = key.partition(".")
        return self.say(key, **values) if name in self._sections[section] else None

    def cells(self, key: str, **values: object) -> list[str]:
        """The heading cells of a table."""
        found = self._find(key)
        assert isinstance(found, list), key
        return [str(cell).format(**values) for cell in found]

    def _find(self, key: str) -> object:
        section, _, name = key.partition(".")
        return self._sections[section][name]
