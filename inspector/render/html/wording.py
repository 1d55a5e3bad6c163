"""The words of the pages: `en.toml` and `zh.toml` beside this file."""

from __future__ import annotations

from pathlib import Path

from rowscope.inspector.text import Texts


class Words(Texts):
    """Words and sentences of one language by key (`banner.free`).

    Raises:
        UsageError: a language that is not known.
    """

    def __init__(self, language: str) -> None:
        super().__init__(language, Path(__file__).parent)
