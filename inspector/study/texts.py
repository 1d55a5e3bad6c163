"""The study's sentences: `en.toml` and `zh.toml` beside this file."""

from __future__ import annotations

from pathlib import Path

from rowscope.inspector.text import LANGUAGES
from rowscope.inspector.text import Texts as Sentences

__all__ = ["LANGUAGES", "Texts"]


class Texts(Sentences):
    """Sentences of one language by key (`weights.copies`).

    Raises:
        UsageError: a language that is not in `LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        super().__init__(language, Path(__file__).parent)
