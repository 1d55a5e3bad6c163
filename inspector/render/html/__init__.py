"""What every HTML page shares: the frame with its policy, markup, words, packed rows, pictures.

Knows numbers and words. Must not know reports or findings: each command fills its own page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.render.html.explorer import View, explorer
    from rowscope.inspector.render.html.frame import page
    from rowscope.inspector.render.html.markdown import markdown_html
    from rowscope.inspector.render.html.markup import answers, html_table, note, section, text
    from rowscope.inspector.render.html.wording import Words

__all__ = [
    "View",
    "Words",
    "answers",
    "explorer",
    "html_table",
    "markdown_html",
    "note",
    "page",
    "section",
    "text",
]

__getattr__ = lazily(
    __name__,
    {
        "View": "explorer",
        "Words": "wording",
        "answers": "markup",
        "explorer": "explorer",
        "html_table": "markup",
        "markdown_html": "markdown",
        "note": "markup",
        "page": "frame",
        "section": "markup",
        "text": "markup",
    },
)
