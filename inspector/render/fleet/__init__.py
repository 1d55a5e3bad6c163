"""Runs of a fleet, and how far they are, as text.

Result -> str; must not print.
"""

from rowscope.inspector.render.fleet.text import fleet_lines, progress_text, status_lines

__all__ = [
    "fleet_lines",
    "progress_text",
    "status_lines",
]
