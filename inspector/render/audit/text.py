"""An audit for people at a terminal: readable at 80 columns, plain in a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rowscope.inspector.audit import MatrixReport, NotableRow, Report
from rowscope.inspector.checks import Finding
from rowscope.inspector.render.audit.brief import LEVEL_WORDS, closing_lines, top_lines
from rowscope.inspector.render.audit.tables import (
    ROLE_WORDS,
    notable_cells,
    size_rows,
    special_rows,
    statistic_rows,
    table_rows,
    untrained_first,
    whole_matrix,
)
from rowscope.inspector.render.lines import Line, Style, to_plain_text
from rowscope.inspector.render.plain import columns, wrap
from rowscope.inspector.render.spoken import Cells, in_language, wrapped
from rowscope.inspector.text import say, told, visible

_SPECIALS: Final = 12
_TABLES: Final = 8
_ORDINARY: Final = 5


def render_audit(report: Report, *, exit_code: int, width: int = 80, lang: str = "en") -> str:
    """The whole report as plain text of `width` columns."""
    return to_plain_text(audit_lines(report, exit_code=exit_code, width=width, lang=lang))


def audit_lines(
    report: Report,
    *,
    exit_code: int,
    width: int = 80,
    whole: bool = False,
    lang: str = "en",
    heights: str = "",
) -> Iterator[Line]:
    """The whole report as styled lines of `width` columns: the answer, tables, the full findings, the worst.

    Every name from a file is made visible. `whole` lists every special token, table and notable row;
    `lang` is one of `LANGUAGES`. `heights` are characters for bars of norms, the lowest first; without any no
    bars are drawn.
    """
    yield from top_lines(report, width, lang)
    yield from _section(say("sizes"), _table(size_rows(report), width, lang, numbers={1}), lang)
    others = table_rows(report)
    if others:
        shown = others if whole else others[:_TABLES]
        title = say(
            "other vocabulary tables ({shown} of {all}; -v lists all)"
            if len(shown) < len(others)
            else "other vocabulary tables",
            shown=len(shown),
            all=len(others),
        )
        yield from _section(title, _table(shown, width, lang, numbers=set()), lang)
    for matrix in report.matrices:
        title = say("{role}: {tensor}", role=ROLE_WORDS[matrix.role], tensor=visible(matrix.tensor))
        cells = statistic_rows(matrix)
        table = _table(cells, width, lang, numbers=set(range(1, len(cells[0]))))
        yield from _section(title, table, lang)
        yield from _paragraphs(whole_matrix(matrix), width, lang)
        if heights and matrix.rows is not None:
            from rowscope.inspector.render.audit.norms import norm_lines

            yield from norm_lines(matrix.rows, width, heights, lang)
    yield from _section(say("what this means"), _paragraphs(report.summary, width, lang), lang)
    yield from _specials(report, width, whole, lang)
    for matrix in report.matrices:
        yield from _notable(matrix, width, whole, lang)
    if report.notes:
        yield from _section(say("notes"), _paragraphs(report.notes, width, lang), lang)
    yield from _findings(report.findings, width, lang)
    yield from _coverage(report, width, lang)
    yield from closing_lines(report, exit_code, width, lang)


def _section(title: str, lines: Iterator[Line], lang: str) -> Iterator[Line]:
    yield Line("")
    yield Line(told(title, lang), "heading")
    yield from lines


def _table(cells: Sequence[Cells], width: int, lang: str, numbers: set[int]) -> Iterator[Line]:
    yield from (Line(line) for line in columns(in_language(cells, lang), width, numbers))


def _paragraphs(texts: Sequence[str], width: int, lang: str) -> Iterator[Line]:
    for text in texts:
        yield from (Line(line) for line in wrapped(text, width, "  ", lang))


def _specials(report: Report, width: int, whole: bool, lang: str) -> Iterator[Line]:
    tokens = untrained_first(report.special_tokens)
    if not tokens:
        return
    shown = tokens if whole else tokens[:_SPECIALS]
    title = say(
        "special and added tokens ({shown} of {all}, roles first; -v lists all)"
        if len(shown) < len(tokens)
        else "special and added tokens",
        shown=len(shown),
        all=len(tokens),
    )
    yield from _section(title, _table(special_rows(shown), width, lang, numbers={0}), lang)


def _notable(matrix: MatrixReport, width: int, whole: bool, lang: str) -> Iterator[Line]:
    listed = {"special or added token that looks untrained"}
    by_kind: dict[str, list[NotableRow]] = {}
    for row in matrix.notable_rows:
        if row.why not in listed:
            by_kind.setdefault(row.why, []).append(row)
    for why, rows in by_kind.items():
        shown = rows if whole else rows[:_ORDINARY]
        title = say("{why}, {role} matrix", why=why, role=_TABLE_WORDS[matrix.role])
        yield from _section(title, _table(notable_cells(shown), width, lang, numbers={0, 4, 5}), lang)


_TABLE_WORDS: Final = {"both": say("tied"), "input": say("input"), "output": say("output")}


def _findings(findings: Sequence[Finding], width: int, lang: str) -> Iterator[Line]:
    if not findings:
        yield from _section(say("findings"), iter([Line(f"  {told(say('none'), lang)}", "good")]), lang)
        return
    yield from _section(say("findings"), iter(()), lang)
    for finding in findings:
        head = f"{told(LEVEL_WORDS[finding.severity], lang)} {finding.code}: {told(finding.message, lang)}"
        style: Style = finding.severity
        chinese = lang == "zh"
        yield from (Line(text, style) for text in wrap(visible(head), width, "  ", chinese=chinese))
        step = f"→ {told(finding.hint, lang)}"
        yield from (Line(text, "dim") for text in wrap(step, width, "    ", chinese=chinese))


def _coverage(report: Report, width: int, lang: str) -> Iterator[Line]:
    missing = [skip for skip in report.coverage.skipped if skip.affects]
    if missing:
        lines = [
            Line(text, "warning")
            for skip in missing
            for text in wrap(
                visible(f"{told(skip.what, lang)}: {told(skip.why, lang)}"), width, "  ", chinese=lang == "zh"
            )
        ]
        yield from _section(say("not audited"), iter(lines), lang)
