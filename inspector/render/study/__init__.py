"""A study as an HTML page.

Result -> str; must not print.
"""

from rowscope.inspector.render.study.html import render_study_html

__all__ = ["render_study_html"]
