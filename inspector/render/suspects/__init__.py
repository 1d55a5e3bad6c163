"""Ranked suspects as text, CSV, JSON lines, Parquet.

Result -> str; must not print.
"""

from rowscope.inspector.render.suspects.formats import SUSPECTS_FORMATS, render_suspects, suspects_pieces
from rowscope.inspector.render.suspects.text import suspects_lines

__all__ = [
    "SUSPECTS_FORMATS",
    "render_suspects",
    "suspects_lines",
    "suspects_pieces",
]
