"""An audit as Markdown: for pull requests, model cards and wikis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import rowscope
from rowscope.inspector.audit import Report
from rowscope.inspector.render.audit.tables import (
    ROLE_WORDS,
    Cells,
    notable_cells,
    size_rows,
    special_rows,
    statistic_rows,
    untrained_first,
    whole_matrix,
)
from rowscope.inspector.render.markdown import escape_markdown, markdown_table
from rowscope.inspector.render.plain import bytes_text, class_text, plural


def render_audit_markdown(report: Report, *, exit_code: int) -> str:
    """The whole report as one Markdown document (CommonMark with tables)."""
    return "\n".join(_document(report, exit_code)) + "\n"


def _document(report: Report, exit_code: int) -> Iterator[str]:
    facts = report.checkpoint
    yield f"# Vocabulary audit of {escape_markdown(facts.path)}"
    yield ""
    kind = class_text(facts.architectures, facts.model_type, "unknown architecture")
    yield (
        f"{escape_markdown(kind)}, {plural(len(facts.files), 'file')}, {bytes_text(facts.bytes)}, "
        f"{plural(facts.parameters, 'parameter')}. rowscope {rowscope.__version__}, exit code {exit_code}."
    )
    if not report.complete:
        yield ""
        yield "**Partial audit: this is not a clean verdict.** Not audited:"
        yield ""
        for skip in report.coverage.skipped:
            if skip.affects:
                yield f"- {escape_markdown(skip.what)}: {escape_markdown(skip.why)}"
    for paragraph in report.summary:
        yield ""
        yield escape_markdown(paragraph)
    if report.settings is not None and report.settings.sentence:
        yield from ("", f"{escape_markdown(report.settings.sentence)}.")
    for part in report.hidden:
        yield from ("", f"**{escape_markdown(part.sentence.capitalize())}.**")
    if report.notes:
        yield from ("", "Notes:", "")
        yield from (f"- {escape_markdown(note)}" for note in report.notes)
    yield from _table("Sizes", [("", "size", ""), *size_rows(report)])
    for matrix in report.matrices:
        title = f"{ROLE_WORDS[matrix.role].capitalize()}: {escape_markdown(matrix.tensor)}"
        yield from _table(title, statistic_rows(matrix))
        yield from (line for text in whole_matrix(matrix) for line in ("", escape_markdown(text)))
    yield from _findings(report)
    tokens = untrained_first(report.special_tokens)
    if tokens:
        yield from _table("Special and added tokens", special_rows(tokens))
    for matrix in report.matrices:
        if matrix.notable_rows:
            yield from _table(
                f"Notable rows: {escape_markdown(matrix.tensor)}", notable_cells(matrix.notable_rows)
            )


def _findings(report: Report) -> Iterator[str]:
    yield ""
    yield "## Findings"
    yield ""
    if not report.findings:
        yield "None."
    for finding in report.findings:
        yield f"- **{finding.severity} {finding.code}** {escape_markdown(finding.message)}  "
        yield f"  {finding.hint}"


def _table(title: str, rows: Sequence[Cells]) -> Iterator[str]:
    """The first row is the heading."""
    yield ""
    yield f"## {title}"
    yield ""
    yield from markdown_table(rows)
