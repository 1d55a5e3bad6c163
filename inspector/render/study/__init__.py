"""A study as an HTML page, and its figures as files.

Result -> str; must not print.
"""

from rowscope.inspector.render.study.files import figures_named, study_files
from rowscope.inspector.render.study.html import render_study_html

__all__ = ["figures_named", "render_study_html", "study_files"]
