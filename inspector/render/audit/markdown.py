"""An audit as Markdown: for pull requests, model cards and wikis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import rowscope
from rowscope.inspector.audit import Report
from rowscope.inspector.render.audit.brief import LEVEL_WORDS
from rowscope.inspector.render.audit.tables import (
    ROLE_WORDS,
    notable_cells,
    size_rows,
    special_rows,
    statistic_rows,
    untrained_first,
    whole_matrix,
)
from rowscope.inspector.render.markdown import escape_markdown, markdown_table
from rowscope.inspector.render.plain import bytes_text, class_text
from rowscope.inspector.render.spoken import Cells, in_language
from rowscope.inspector.text import say, told


def render_audit_markdown(report: Report, *, exit_code: int, lang: str = "en") -> str:
    """The whole report as one Markdown document (CommonMark with tables), in one of `LANGUAGES`."""
    return "\n".join(_document(report, exit_code, lang)) + "\n"


def _document(report: Report, exit_code: int, lang: str) -> Iterator[str]:
    facts = report.checkpoint
    yield f"# {_text(say('Vocabulary audit of {path}', path=facts.path), lang)}"
    yield ""
    said = say(
        "{kind}, {files:# file|# files}, {bytes}, {parameters:# parameter|# parameters}. rowscope "
        "{version}, exit "
        "code {code}.",
        kind=class_text(facts.architectures, facts.model_type) or say("unknown architecture"),
        files=len(facts.files),
        bytes=bytes_text(facts.bytes),
        parameters=facts.parameters,
        version=rowscope.__version__,
        code=exit_code,
    )
    yield _text(said, lang)
    yield from _partial(report, lang)
    for paragraph in report.summary:
        yield from ("", _text(paragraph, lang))
    if report.settings is not None and report.settings.sentence:
        yield from ("", f"{_text(report.settings.sentence, lang)}.")
    for part in report.hidden:
        yield from ("", f"**{_text(say('{note:A}.', note=part.sentence), lang)}**")
    if report.notes:
        yield from ("", told(say("Notes:"), lang), "")
        yield from (f"- {_text(note, lang)}" for note in report.notes)
    yield from _table(say("Sizes"), [("", "size", ""), *size_rows(report)], lang)
    for matrix in report.matrices:
        title = say("{role:A}: {tensor}", role=ROLE_WORDS[matrix.role], tensor=matrix.tensor)
        yield from _table(title, statistic_rows(matrix), lang)
        yield from (line for text in whole_matrix(matrix) for line in ("", _text(text, lang)))
    yield from _findings(report, lang)
    tokens = untrained_first(report.special_tokens)
    if tokens:
        yield from _table(say("Special and added tokens"), special_rows(tokens), lang)
    for matrix in report.matrices:
        if matrix.notable_rows:
            title = say("Notable rows: {tensor}", tensor=matrix.tensor)
            yield from _table(title, notable_cells(matrix.notable_rows), lang)


def _text(said: str, lang: str) -> str:
    return escape_markdown(told(said, lang))


def _partial(report: Report, lang: str) -> Iterator[str]:
    if report.complete:
        return
    partial = told(say("Partial audit: this is not a clean verdict."), lang)
    yield from ("", f"**{partial}** {told(say('Not audited:'), lang)}", "")
    for skip in report.coverage.skipped:
        if skip.affects:
            yield f"- {_text(skip.what, lang)}: {_text(skip.why, lang)}"


def _findings(report: Report, lang: str) -> Iterator[str]:
    yield from ("", f"## {told(say('Findings'), lang)}", "")
    if not report.findings:
        yield told(say("None."), lang)
    for finding in report.findings:
        level = told(LEVEL_WORDS[finding.severity], lang)
        yield f"- **{level} {finding.code}** {_text(finding.message, lang)}  "
        yield f"  {told(finding.hint, lang)}"


def _table(title: str, rows: Sequence[Cells], lang: str) -> Iterator[str]:
    """The first row is the heading."""
    yield from ("", f"## {_text(title, lang)}", "")
    yield from markdown_table(in_language(rows, lang))
