"""The study's sentences: `en.toml` and `zh.toml` beside this file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rowscope.inspector.text import LANGUAGES
from rowscope.inspector.text import Texts as Sentences

__all__ = ["LANGUAGES", "NOT_ASKED", "Texts"]

NOT_ASKED: Final = "why.not_asked"
"""Key of the reason where the model was not wanted."""


class Texts(Sentences):
    """Sentences of one language by key (`weights.copies`).

    Raises:
        UsageError: a language that is not in `LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        super().__init__(language, Path(__file__).parent)

    def listed(self, items: Iterable[str], most: int | None = None) -> str:
        """Items as a list within a sentence; what is left out shows as an ellipsis."""
        names = list(items)
        shown = names if most is None or len(names) <= most else [*names[:most], "…"]
        return self.say("word.listing").join(shown)
