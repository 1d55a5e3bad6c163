"""One audit in as many formats as are asked for: to standard output, and to files."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rowscope.commands.formats import check_name
from rowscope.inspector.errors import UsageError
from rowscope.streams import takes_unicode
from rowscope.terminal import check_choice, emit, emit_json, emit_lines, quiet, text_width, verbose

if TYPE_CHECKING:
    from rowscope.inspector.audit import Report


def read_reports(words: Sequence[str], output: str | None) -> tuple[tuple[str, str], ...]:
    """The pairs of format and file that `--report` asks for.

    Raises:
        UsageError: a value that is no `FORMAT=FILE`, an unknown format, a file whose name says another one,
            or a file that is asked for twice.
    """
    from rowscope.inspector.gate import FORMATS

    found = []
    taken = {} if output is None else {os.path.realpath(output): "--output"}
    for word in words:
        format, equals, file = word.partition("=")
        if not equals or not file:
            raise UsageError(
                f"--report {word!r} is no FORMAT=FILE; write it as in html=audit.html", location="--report"
            )
        check_choice("--report", format, FORMATS)
        check_name("--report", format, file, {})
        place = os.path.realpath(file)
        if place in taken:
            raise UsageError(
                f"--report {word!r} would write over what {taken[place]} writes; give each its own file",
                location="--report",
            )
        taken[place] = f"--report {word}"
        found.append((format, file))
    return tuple(found)


def emit_report(
    report: Report,
    format: str,
    output: str | None,
    code: int,
    *,
    brief: bool = False,
    title: str | None = None,
    lang: str = "en",
) -> None:
    """Print one format of an audit, or write it to a file; the title is an HTML page's."""
    if format == "text":
        from rowscope.inspector.render.audit import audit_lines, brief_lines

        width = text_width()
        if brief:
            emit_lines(brief_lines(report, exit_code=code, width=width, lang=lang), output)
        else:
            heights = _heights(output)
            lines = audit_lines(
                report, exit_code=code, width=width, whole=verbose(), lang=lang, heights=heights
            )
            emit_lines(lines, output)
        return
    if format == "json":
        emit_json(report.document(exit_code=code), output, lang)
        return
    from rowscope.inspector.render.audit import render_report

    emit(render_report(report, format, exit_code=code, title=title, lang=lang), output)


def _heights(output: str | None) -> str:
    """Characters for bars of norms: on a terminal, with --verbose anywhere, never with --quiet."""
    from rowscope.inspector.render.audit import BLOCKS, SIGNS

    if quiet() or not (verbose() or (output is None and sys.stdout.isatty())):
        return ""
    return BLOCKS if output is not None or takes_unicode() else SIGNS
