"""DIF: what a comparison of two checkpoints finds. The rules stand here, the finding is made by `diff`."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.checks.finding import Rule

DIF501: Final = Rule(
    "DIF501", "unexpected-change", "error", "Rows changed that were expected to be inherited unchanged."
)
