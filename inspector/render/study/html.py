"""A study as an HTML page: its Markdown in the frame that all pages have."""

from __future__ import annotations

import re

from rowscope.inspector.render.html import markdown_html, page, text

_TITLE = re.compile(r"\A# (.*)\n")


def render_study_html(study: str, *, title: str | None = None, lang: str = "en") -> str:
    """The study, a Markdown document that begins with its title, as one HTML5 document without a script."""
    found = _TITLE.match(study)
    own = re.sub(r"\\(.)", r"\1", found[1]) if found else ""
    heading = title or own
    rest = study[found.end() :] if found else study
    body = [f"<h1>{text(heading)}</h1>", '<div class="study">', markdown_html(rest), "</div>"]
    return page(body, title=heading, language=lang)
