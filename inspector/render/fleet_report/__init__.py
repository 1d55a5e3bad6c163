"""A store's report as text, HTML, Markdown, CSV.

Result -> str; must not print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.render.fleet_report.formats import REPORT_FORMATS, render_report
    from rowscope.inspector.render.fleet_report.text import report_lines

__all__ = [
    "REPORT_FORMATS",
    "render_report",
    "report_lines",
]

__getattr__ = lazily(
    __name__, {"REPORT_FORMATS": "formats", "render_report": "formats", "report_lines": "text"}
)
