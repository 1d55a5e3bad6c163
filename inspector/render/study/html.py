"""A study as an HTML page: its Markdown and its figures in the frame that all pages have."""

from __future__ import annotations

import re
from typing import Final

from rowscope.inspector.render.html import markdown_html, page, text
from rowscope.inspector.render.study.figures import figures
from rowscope.inspector.study import Study

_TITLE: Final = re.compile(r"\A# (.*)\n")
_PICTURE: Final = re.compile(r"^!\[([^\n]*)\]\(([\w-]+)\.svg\)$", re.M)


def render_study_html(study: Study | str, *, title: str | None = None, lang: str = "en") -> str:
    """The study, Markdown that begins with its title, as one HTML5 document without a script; a text has no
    figures."""
    drawn = {} if isinstance(study, str) else figures(study)
    source = study if isinstance(study, str) else study.text
    found = _TITLE.match(source)
    own = re.sub(r"\\(.)", r"\1", found[1]) if found else ""
    heading = title or own
    rest = source[found.end() :] if found else source
    body = [f"<h1>{text(heading)}</h1>", '<div class="study">']
    # Text, title and name of a figure, text, ...: Markdown of ours brings no pictures along.
    pieces = _PICTURE.split(rest)
    for words, caption, name in zip(pieces[::3], [*pieces[1::3], ""], [*pieces[2::3], ""], strict=True):
        body.append(markdown_html(words))
        if drawn.get(name):
            body.append(f"<figure>{drawn[name]}<figcaption>{text(caption)}</figcaption></figure>")
    return page([*body, "</div>"], title=heading, language=lang)
