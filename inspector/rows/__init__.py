"""A stored matrix -> numbers: the scan of its rows, projections onto vectors, medians, copies."""

from __future__ import annotations

from rowscope.inspector.rows.duplicates import duplicate_groups
from rowscope.inspector.rows.projection import (
    PrincipalComponent,
    check_component,
    column_median,
    principal_component,
    project_rows,
    sample_component,
)
from rowscope.inspector.rows.scan import scan_rows
from rowscope.inspector.rows.table import GroupColumns, RowTable

__all__ = [
    "GroupColumns",
    "PrincipalComponent",
    "RowTable",
    "check_component",
    "column_median",
    "duplicate_groups",
    "principal_component",
    "project_rows",
    "sample_component",
    "scan_rows",
]
