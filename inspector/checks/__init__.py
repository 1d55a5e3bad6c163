"""Findings: one function per code, registered by hand, and the page that explains each.

Knows facts about a checkpoint. Must not measure anything, nor print.
"""

from rowscope.inspector.checks.comparison import DIF501
from rowscope.inspector.checks.explain import explain
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
