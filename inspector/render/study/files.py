"""A study as a Markdown file with its figures as SVG files beside it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import PurePath
from typing import Final
from urllib.parse import quote, unquote

from rowscope.inspector.render.study.figures import figures, standalone
from rowscope.inspector.storage import named_by_content
from rowscope.inspector.study import Study

_MOST: Final = 1 << 24
"""Bytes of a study that is read for the figures that it names; a longer file is none."""


def study_files(study: Study, output: str) -> tuple[str, dict[str, str]]:
    """The Markdown for a file `output`, and the figures by file name, each beginning with that file's stem.

    A figure's name ends in digits made of its content. A figure of which nothing can be drawn (no finite
    number) is left out of the text, too.
    """
    drawn, stem = figures(study), PurePath(output).stem
    found, source = {}, study.text
    for figure in study.figures:
        line = f"![{figure.title}]({figure.name}.svg)\n\n"
        if figure.name not in drawn:
            source = source.replace(line, "")
            continue
        drawing = standalone(drawn[figure.name], figure.title, study.texts.say("figure.described"))
        name = named_by_content(f"{stem}-{figure.name}", "svg", drawing.encode())
        found[name] = drawing
        source = source.replace(line, f"![{figure.title}]({quote(name)})\n\n")
    return source, found


def figures_named(output: str) -> tuple[str, ...]:
    """File names of the figures that a study at `output` has beside it, by its own text; none without one."""
    try:
        status = os.lstat(output)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST:
            return ()
        with open(output, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return ()
    stem = re.escape(quote(PurePath(output).stem))
    names = re.findall(rf"^!\[[^\n]*\]\(({stem}-[a-z-]+-[0-9a-f]{{8}}\.svg)\)$", text, re.M)
    return tuple(unquote(name) for name in names)
