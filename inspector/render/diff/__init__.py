"""A comparison as text, CSV, JSON lines, Parquet.

Result -> str; must not print.
"""

from rowscope.inspector.render.diff.formats import DIFF_FORMATS, diff_pieces, render_diff
from rowscope.inspector.render.diff.text import diff_lines

__all__ = [
    "DIFF_FORMATS",
    "diff_lines",
    "diff_pieces",
    "render_diff",
]
