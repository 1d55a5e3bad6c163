"""The table of rows as text, CSV, JSON lines, Parquet.

Result -> str; must not print.
"""

from rowscope.inspector.render.rows.formats import render_rows, rows_pieces
from rowscope.inspector.render.rows.text import rows_lines

__all__ = [
    "render_rows",
    "rows_lines",
    "rows_pieces",
]
