"""Plans, results and undone claims as text.

Result -> str; must not print.
"""

from rowscope.inspector.render.claim.text import render_plan, render_result, render_undo

__all__ = [
    "render_plan",
    "render_result",
    "render_undo",
]
