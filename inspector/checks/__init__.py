"""Findings: one function per code, registered by hand."""

from rowscope.inspector.checks.finding import MAX_IDS, SEVERITY_RANK, Finding, Rule, Severity
from rowscope.inspector.checks.registry import CHECKS, RULES, run_checks

__all__ = ["CHECKS", "MAX_IDS", "RULES", "SEVERITY_RANK", "Finding", "Rule", "Severity", "run_checks"]
