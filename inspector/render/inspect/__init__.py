"""Structure and faults of files as text.

Result -> str; must not print.
"""

from rowscope.inspector.render.inspect.text import render_faults, render_inspect

__all__ = [
    "render_faults",
    "render_inspect",
]
