"""An audit for people at a terminal: readable at 80 columns, plain in a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rowscope.inspector.audit import MatrixReport, NotableRow, Report
from rowscope.inspector.checks import Finding
from rowscope.inspector.render.audit.brief import closing_lines, top_lines
from rowscope.inspector.render.audit.tables import (
    ROLE_WORDS,
    Cells,
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
from rowscope.inspector.text import visible

_SPECIALS: Final = 12
_TABLES: Final = 8
_ORDINARY: Final = 5


def render_audit(report: Report, *, exit_code: int, width: int = 80) -> str:
    """The whole report as plain text of `width` columns."""
    return to_plain_text(audit_lines(report, exit_code=exit_code, width=width))


def audit_lines(
    report: Report, *, exit_code: int, width: int = 80, whole: bool = False, heights: str = ""
) -> Iterator[Line]:
    """The whole report as styled lines of `width` columns: the answer, tables, the full findings, the worst.

    Every name from a file is made visible. `whole` lists every special token, table and notable row.
    `heights` are characters for bars of norms, the lowest first; without any no bars are drawn.
    """
    yield from top_lines(report, width)
    yield from _section("sizes", _table(size_rows(report), width, numbers={1}))
    others = table_rows(report)
    if others:
        shown = others if whole else others[:_TABLES]
        more = f" ({len(shown):,} of {len(others):,}; -v lists all)" if len(shown) < len(others) else ""
        yield from _section(f"other vocabulary tables{more}", _table(shown, width, numbers=set()))
    for matrix in report.matrices:
        title = f"{ROLE_WORDS[matrix.role]}: {visible(matrix.tensor)}"
        cells = statistic_rows(matrix)
        yield from _section(title, _table(cells, width, numbers=set(range(1, len(cells[0])))))
        yield from _paragraphs(whole_matrix(matrix), width)
        if heights and matrix.rows is not None:
            from rowscope.inspector.render.audit.norms import norm_lines

            yield from norm_lines(matrix.rows, width, heights)
    yield from _section("what this means", _paragraphs(report.summary, width))
    yield from _specials(report, width, whole)
    for matrix in report.matrices:
        yield from _notable(matrix, width, whole)
    if report.notes:
        yield from _section("notes", _paragraphs(report.notes, width))
    yield from _findings(report.findings, width)
    yield from _coverage(report, width)
    yield from closing_lines(report, exit_code, width)


def _section(title: str, lines: Iterator[Line]) -> Iterator[Line]:
    yield Line("")
    yield Line(title, "heading")
    yield from lines


def _table(cells: Sequence[Cells], width: int, numbers: set[int]) -> Iterator[Line]:
    yield from (Line(line) for line in columns(cells, width, numbers))


def _paragraphs(texts: Sequence[str], width: int) -> Iterator[Line]:
    for text in texts:
        yield from (Line(line) for line in wrap(visible(text), width, "  "))


def _specials(report: Report, width: int, whole: bool) -> Iterator[Line]:
    tokens = untrained_first(report.special_tokens)
    if not tokens:
        return
    shown = tokens if whole else tokens[:_SPECIALS]
    title = "special and added tokens"
    if len(shown) < len(tokens):
        title += f" ({len(shown):,} of {len(tokens):,}, roles first; -v lists all)"
    yield from _section(title, _table(special_rows(shown), width, numbers={0}))


def _notable(matrix: MatrixReport, width: int, whole: bool) -> Iterator[Line]:
    listed = {"special or added token that looks untrained"}
    by_kind: dict[str, list[NotableRow]] = {}
    for row in matrix.notable_rows:
        if row.why not in listed:
            by_kind.setdefault(row.why, []).append(row)
    for why, rows in by_kind.items():
        shown = rows if whole else rows[:_ORDINARY]
        title = f"{why}, {matrix.role if matrix.role != 'both' else 'tied'} matrix"
        yield from _section(title, _table(notable_cells(shown), width, numbers={0, 4, 5}))


def _findings(findings: Sequence[Finding], width: int) -> Iterator[Line]:
    if not findings:
        yield from _section("findings", iter([Line("  none", "good")]))
        return
    yield Line("")
    yield Line("findings", "heading")
    for finding in findings:
        head = f"{finding.severity} {finding.code}: {visible(finding.message)}"
        style: Style = finding.severity
        yield from (Line(text, style) for text in wrap(head, width, "  "))
        yield from (Line(text, "dim") for text in wrap(f"→ {finding.hint}", width, "    "))


def _coverage(report: Report, width: int) -> Iterator[Line]:
    missing = [skip for skip in report.coverage.skipped if skip.affects]
    if missing:
        lines = [
            Line(text, "warning")
            for skip in missing
            for text in wrap(f"{visible(skip.what)}: {visible(skip.why)}", width, "  ")
        ]
        yield from _section("not audited", iter(lines))
