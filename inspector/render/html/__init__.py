"""What every HTML page shares: the frame with its policy, markup, words, packed rows, pictures.

Knows numbers and words. Must not know reports or findings: each command fills its own page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.render.html.drawing import (
        BLOCK,
        Layer,
        bars_svg,
        grid_svg,
        histogram_svg,
        lines_svg,
        scatter_svg,
        scrolled,
        strip_svg,
    )
    from rowscope.inspector.render.html.frame import page
    from rowscope.inspector.render.html.markdown import markdown_html
    from rowscope.inspector.render.html.markup import Answer, answers, html_table, note, prose, section, text
    from rowscope.inspector.render.html.scale import Scale, scale_of
    from rowscope.inspector.render.html.wording import Words
    from rowscope.inspector.render.html.working import (
        View,
        code_column,
        explorer,
        id_column,
        integer_column,
        page_data,
        picture_controls,
        real_column,
        sparse_column,
        text_column,
    )

__all__ = [
    "BLOCK",
    "Answer",
    "Layer",
    "Scale",
    "View",
    "Words",
    "answers",
    "bars_svg",
    "code_column",
    "explorer",
    "grid_svg",
    "histogram_svg",
    "html_table",
    "id_column",
    "integer_column",
    "lines_svg",
    "markdown_html",
    "note",
    "page",
    "page_data",
    "picture_controls",
    "prose",
    "real_column",
    "scale_of",
    "scatter_svg",
    "scrolled",
    "section",
    "sparse_column",
    "strip_svg",
    "text",
    "text_column",
]

__getattr__ = lazily(
    __name__,
    {
        "BLOCK": "drawing",
        "Answer": "markup",
        "Layer": "drawing",
        "Scale": "scale",
        "View": "working",
        "Words": "wording",
        "answers": "markup",
        "bars_svg": "drawing",
        "code_column": "working",
        "explorer": "working",
        "grid_svg": "drawing",
        "histogram_svg": "drawing",
        "html_table": "markup",
        "id_column": "working",
        "integer_column": "working",
        "lines_svg": "drawing",
        "markdown_html": "markdown",
        "note": "markup",
        "page": "frame",
        "page_data": "working",
        "picture_controls": "working",
        "prose": "markup",
        "real_column": "working",
        "scale_of": "scale",
        "scatter_svg": "drawing",
        "scrolled": "drawing",
        "section": "markup",
        "sparse_column": "working",
        "strip_svg": "drawing",
        "text": "markup",
        "text_column": "working",
    },
)
