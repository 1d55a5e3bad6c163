"""Composes census, evidence and findings of one checkpoint into one frozen report.

Knows every room below. Must not parse options, render or write.
"""

from rowscope.inspector.audit.judged import JudgedRows
from rowscope.inspector.audit.report import (
    FAIL_ON,
    GroupReport,
    MatrixReport,
    NotableRow,
    Report,
    SpecialTokenReport,
    StorageFacts,
    TableReport,
)
from rowscope.inspector.audit.run import audit
from rowscope.inspector.audit.scope import Coverage, Hidden, SettingsFacts, Skipped

__all__ = [
    "FAIL_ON",
    "Coverage",
    "GroupReport",
    "Hidden",
    "JudgedRows",
    "MatrixReport",
    "NotableRow",
    "Report",
    "SettingsFacts",
    "Skipped",
    "SpecialTokenReport",
    "StorageFacts",
    "TableReport",
    "audit",
]
