"""Something wrong with a checkpoint's files that does not stop its audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from rowscope.inspector.errors import bounded
from rowscope.inspector.frozen import record
from rowscope.inspector.text import Said

NAMES: Final[Mapping[str, str]] = {
    "FIL002": "index-mismatch",
    "FIL005": "damaged-download",
    "FIL006": "unloadable-names",
    "FIL007": "empty-tensors",
}


@record
class Problem:
    """A fault within a checkpoint that leaves the rest readable.

    Attributes:
        code: the finding code, one of `NAMES`.
        message: one sentence with the numbers.
        location: the file that it is about.
        evidence: the numbers and names behind it, JSON ready; `evidence["kind"]` tells the cases apart.
        hint: the next step.
        severity: as a finding's.
    """

    code: str
    message: Said
    location: str
    evidence: Mapping[str, Any]
    hint: Said
    severity: Literal["error", "warning", "note"] = "warning"

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", bounded(self.message))
        object.__setattr__(self, "hint", bounded(self.hint))

    @property
    def name(self) -> str:
        """The rule's name."""
        return NAMES[self.code]
