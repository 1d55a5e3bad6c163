"""The audit in its formats: text, Markdown, HTML, SARIF, workflow annotations.

Result -> str; must not print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.render.audit.brief import brief_lines
    from rowscope.inspector.render.audit.documents import render_report
    from rowscope.inspector.render.audit.github import annotation, inert, render_github
    from rowscope.inspector.render.audit.html import render_html
    from rowscope.inspector.render.audit.markdown import render_audit_markdown
    from rowscope.inspector.render.audit.model_card import render_model_card
    from rowscope.inspector.render.audit.norms import BLOCKS, SIGNS
    from rowscope.inspector.render.audit.notebook import notebook_html
    from rowscope.inspector.render.audit.sarif import render_sarif
    from rowscope.inspector.render.audit.text import audit_lines

__all__ = [
    "BLOCKS",
    "SIGNS",
    "annotation",
    "audit_lines",
    "brief_lines",
    "inert",
    "notebook_html",
    "render_audit_markdown",
    "render_github",
    "render_html",
    "render_model_card",
    "render_report",
    "render_sarif",
]

__getattr__ = lazily(
    __name__,
    {
        "BLOCKS": "norms",
        "SIGNS": "norms",
        "annotation": "github",
        "audit_lines": "text",
        "brief_lines": "brief",
        "inert": "github",
        "notebook_html": "notebook",
        "render_audit_markdown": "markdown",
        "render_github": "github",
        "render_html": "html",
        "render_model_card": "model_card",
        "render_report": "documents",
        "render_sarif": "sarif",
    },
)
