"""A stored matrix -> numbers: the scan of its rows, statistics, projections, medians, copies.

Knows bytes of rows and kernels. Must not know tokens, groups by name or verdicts.
"""

from rowscope.inspector.rows.blocks import GATHERED_ROWS, RowReader
from rowscope.inspector.rows.chunks import Chunk, limit_threads, processors, rows_of_a_chunk, run_in_order
from rowscope.inspector.rows.draft import draft_tokens
from rowscope.inspector.rows.duplicates import duplicate_groups
from rowscope.inspector.rows.opening import expect_tables, open_rows
from rowscope.inspector.rows.parts import any_value, part_rows
from rowscope.inspector.rows.parts import singles as part_values
from rowscope.inspector.rows.projection import (
    PrincipalComponent,
    check_component,
    column_median,
    principal_component,
    project_rows,
    sample_component,
)
from rowscope.inspector.rows.scan import scan_rows
from rowscope.inspector.rows.statistics import GroupStats, NormStats, group_statistics
from rowscope.inspector.rows.table import GroupColumns, RowTable

__all__ = [
    "GATHERED_ROWS",
    "Chunk",
    "GroupColumns",
    "GroupStats",
    "NormStats",
    "PrincipalComponent",
    "RowReader",
    "RowTable",
    "any_value",
    "check_component",
    "column_median",
    "draft_tokens",
    "duplicate_groups",
    "expect_tables",
    "group_statistics",
    "limit_threads",
    "open_rows",
    "part_rows",
    "part_values",
    "principal_component",
    "processors",
    "project_rows",
    "rows_of_a_chunk",
    "run_in_order",
    "sample_component",
    "scan_rows",
]
