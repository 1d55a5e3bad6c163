"""The page of a finding, and the list of all, for people at a terminal.

Result -> str; must not print.
"""

from rowscope.inspector.render.explain.listed import listed_lines, listed_markdown
from rowscope.inspector.render.explain.page import page_lines

__all__ = [
    "listed_lines",
    "listed_markdown",
    "page_lines",
]
