"""A study as a Markdown file with its figures as SVG files beside it."""

from __future__ import annotations

from rowscope.inspector.render.study.figures import figures, standalone
from rowscope.inspector.study import Study


def study_files(study: Study, prefix: str) -> tuple[str, dict[str, str]]:
    """The Markdown, and the figures by file name, each beginning with `prefix`.

    A figure of which nothing can be drawn (no finite number) is left out of the text, too.
    """
    drawn = figures(study)
    found, source = {}, study.text
    for figure in study.figures:
        line = f"![{figure.title}]({figure.name}.svg)\n\n"
        if figure.name not in drawn:
            source = source.replace(line, "")
            continue
        name = f"{prefix}-{figure.name}.svg"
        found[name] = standalone(drawn[figure.name], figure.title, study.texts.say("figure.described"))
        source = source.replace(line, f"![{figure.title}]({name})\n\n")
    return source, found
