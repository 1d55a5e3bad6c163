"""Findings: one function per code, registered by hand, and the page that explains each.

Knows facts about a checkpoint. Must not measure anything, nor print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.checks.comparison import DIF501
    from rowscope.inspector.checks.explanation import explain
    from rowscope.inspector.checks.finding import (
        MAX_IDS,
        SEVERITY_RANK,
        Finding,
        Rule,
        Severity,
        id_evidence,
        row_location,
    )
    from rowscope.inspector.checks.registry import CHECKS, RULES, run_checks
    from rowscope.inspector.checks.rows import no_text, unlisted_rows
    from rowscope.inspector.checks.tokens import rank, token_verdicts

__all__ = [
    "CHECKS",
    "DIF501",
    "MAX_IDS",
    "RULES",
    "SEVERITY_RANK",
    "Finding",
    "Rule",
    "Severity",
    "explain",
    "id_evidence",
    "no_text",
    "rank",
    "row_location",
    "run_checks",
    "token_verdicts",
    "unlisted_rows",
]

__getattr__ = lazily(
    __name__,
    {
        "CHECKS": "registry",
        "DIF501": "comparison",
        "MAX_IDS": "finding",
        "RULES": "registry",
        "SEVERITY_RANK": "finding",
        "Finding": "finding",
        "Rule": "finding",
        "Severity": "finding",
        "explain": "explanation",
        "id_evidence": "finding",
        "no_text": "rows",
        "rank": "tokens",
        "row_location": "finding",
        "run_checks": "registry",
        "token_verdicts": "tokens",
        "unlisted_rows": "rows",
    },
)
