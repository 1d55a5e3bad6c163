"""A section for a model card: a badge, and what users of the checkpoint should know of its vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

import rowscope
from rowscope.inspector.audit import Report
from rowscope.inspector.ranges import format_ranges
from rowscope.inspector.render.markdown import escape_markdown
from rowscope.inspector.render.plain import plural

_COLOURS: Final = {"error": "red", "warning": "orange", "note": "brightgreen"}


def render_model_card(report: Report, *, exit_code: int) -> str:
    """A Markdown section to paste into a README.md; the badge is a static picture of shields.io.

    What could not be audited makes the badge say "partial", whatever was found in the rest.
    """
    return "\n".join(_section(report, exit_code)) + "\n"


def _section(report: Report, exit_code: int) -> Iterator[str]:
    words, colour = _verdict(report)
    label = f"vocabulary-{quote(words.replace('-', '--'), safe='')}-{colour}"
    yield "## Vocabulary"
    yield ""
    yield f"![vocabulary: {words}](https://img.shields.io/badge/{label})"
    yield ""
    census = report.census
    rows = census.input_rows or census.output_rows or 0
    yield f"- {plural(rows, 'row')}, {census.reserved.count:,} reserved"
    if census.reserved.count:
        ranges = escape_markdown(format_ranges(census.reserved.ranges, limit=3))
        yield f"- Reserved ids: {ranges}; `rowscope mask` lists those that must never be sampled"
    for finding in report.findings:
        if finding.severity != "note":
            yield f"- {finding.severity} {finding.code}: {escape_markdown(finding.message)}"
    for skip in report.coverage.skipped:
        if skip.affects:
            yield f"- not audited: {escape_markdown(skip.what)}: {escape_markdown(skip.why)}"
    if report.settings is not None and report.settings.sentence:
        yield f"- {escape_markdown(report.settings.sentence)}"
    yield from (f"- {escape_markdown(part.sentence)}" for part in report.hidden)
    yield from (f"- {escape_markdown(note)}" for note in report.notes)
    yield ""
    yield f"Audited from the weights by rowscope {rowscope.__version__}, exit code {exit_code}."


def _verdict(report: Report) -> tuple[str, str]:
    """The badge's words and colour."""
    if not report.complete:
        return "partial audit", "lightgrey"
    counts = {level: sum(f.severity == level for f in report.findings) for level in ("error", "warning")}
    worst = next((level for level, number in counts.items() if number), "note")
    words = ", ".join(plural(number, level) for level, number in counts.items() if number)
    if report.hidden:
        return f"{words or 'selected findings only'}, some hidden", "lightgrey"
    return words or "no errors, no warnings", _COLOURS[worst]
