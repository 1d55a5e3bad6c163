"""A finding, and the rule it belongs to: code, name, default severity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import bounded
from rowscope.inspector.frozen import ReadOnly, record
from rowscope.inspector.ranges import to_ranges
from rowscope.inspector.text import Said

Severity = Literal["error", "warning", "note"]
Confidence = Literal["high", "medium", "low"]

SEVERITY_RANK: Final[Mapping[str, int]] = {"note": 1, "warning": 2, "error": 3}

# A finding lists its row ids up to this many; `count` always has the whole number.
MAX_IDS: Final = 10_000


@record
class Finding:
    """One thing that a check found.

    Attributes:
        code, name: the rule's, `VOC101` and `unmapped-rows`.
        severity, confidence: how bad, how sure.
        message: one sentence with the numbers.
        location: tensor and rows, or file and key.
        evidence: JSON-ready values that the message rests on.
        hint: what to do next.
    """

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    location: str
    evidence: Mapping[str, Any] = field(default_factory=lambda: ReadOnly({}))
    hint: str = ""


@record
class Rule:
    """What a check looks for. `severity` is the default; some rules raise or lower it by case."""

    code: str
    name: str
    severity: Severity
    summary: str

    def finding(
        self,
        message: Said,
        location: str,
        *,
        hint: Said,
        severity: Severity | None = None,
        confidence: Confidence = "high",
        evidence: Mapping[str, Any] | None = None,
    ) -> Finding:
        """A finding of this rule; its texts can be said in every language of `text`."""
        return Finding(
            self.code,
            self.name,
            severity or self.severity,
            confidence,
            bounded(message),
            location,
            evidence or {},
            bounded(hint),
        )


def id_evidence(ids: NDArray[np.int64]) -> dict[str, Any]:
    """`count` and `ids` of int64 row ids [n]; a list cut at `MAX_IDS` says so."""
    evidence: dict[str, Any] = {"count": int(ids.size), "ids": ids[:MAX_IDS].tolist()}
    if ids.size > MAX_IDS:
        evidence["truncated"] = True
    return evidence


def row_location(tensor: str, ids: NDArray[np.int64]) -> str:
    """`model.embed_tokens.weight[151665:151936]`; scattered rows show the first three parts."""
    ranges = to_ranges(ids)
    parts = [str(a) if b == a + 1 else f"{a}:{b}" for a, b in ranges[:3]]
    return f"{tensor}[{','.join(parts)}{',…' if len(ranges) > 3 else ''}]"
