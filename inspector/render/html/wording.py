"""The words of the pages: `en.toml` and `zh.toml` beside this file."""

from __future__ import annotations

from pathlib import Path

from rowscope.inspector.text import Texts


class Words(Texts):
    """Words and sentences of one language by key (`banner.free`).

    Args:
        page: a kind of page whose own words go first: `table_diff.by` before `table.by` on a page `diff`.

    Raises:
        UsageError: a language that is not known.
    """

    def __init__(self, language: str, page: str = "") -> None:
        super().__init__(language, Path(__file__).parent)
        for name in list(self._sections):
            own = self._sections.get(f"{name}_{page}")
            if own is not None:
                self._sections[name] = {**self._sections[name], **own}
