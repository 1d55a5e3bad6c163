"""An audit as one HTML page that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

import rowscope
from rowscope.inspector.audit import MatrixReport, Report
from rowscope.inspector.checks import Finding
from rowscope.inspector.render.audit.html_style import STYLE
from rowscope.inspector.render.audit.norms_svg import norms_svg
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
from rowscope.inspector.render.plain import bytes_text, plural
from rowscope.inspector.text import visible

# The page allows its own style sheet and nothing else, so that markup in a name could load nothing.
_DIGEST: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_DIGEST}'"


def render_html(report: Report, *, exit_code: int) -> str:
    """The whole report as one HTML5 document in UTF-8, readable on a phone, printable, light and dark."""
    return "\n".join(_document(report, exit_code)) + "\n"


def _document(report: Report, exit_code: int) -> Iterator[str]:
    title = f"Vocabulary audit of {_text(report.checkpoint.path)}"
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>"
    yield f"<style>{STYLE}</style></head>"
    yield f"<body><main><h1>{title}</h1>"
    yield from _head(report, exit_code)
    yield from _findings(report.findings)
    yield from _section("Sizes", _table([("", "size", ""), *size_rows(report)], numbers={1}))
    for matrix in report.matrices:
        yield from _matrix(matrix)
    tokens = untrained_first(report.special_tokens)
    if tokens:
        yield from _section("Special and added tokens", _table(special_rows(tokens), numbers={0}))
    for matrix in report.matrices:
        if matrix.notable_rows:
            cells = notable_cells(matrix.notable_rows)
            yield from _section(f"Notable rows: {_text(matrix.tensor)}", _table(cells, numbers={0, 4, 5}))
    yield f"<footer>rowscope {escape(rowscope.__version__)}, exit code {exit_code}</footer>"
    yield "</main></body></html>"


def _head(report: Report, exit_code: int) -> Iterator[str]:
    facts = report.checkpoint
    kind = ", ".join(facts.architectures) or facts.model_type or "unknown architecture"
    sizes = [plural(len(facts.files), "file"), bytes_text(facts.bytes), plural(facts.parameters, "parameter")]
    if facts.quantization:
        sizes.append(f"quantized: {facts.quantization}")
    yield f'<p class="dim">{_text(" · ".join([kind, *sizes]))}</p>'
    if not report.complete:
        yield '<div class="partial"><p><strong>Partial audit: this is not a clean verdict.</strong></p><ul>'
        for skip in report.coverage.skipped:
            if skip.affects:
                yield f"<li>{_text(skip.what)}: {_text(skip.why)}</li>"
        yield "</ul></div>"
    for paragraph in report.summary:
        yield f"<p>{_text(paragraph)}</p>"
    if report.settings is not None and report.settings.sentence:
        yield f'<p class="dim">{_text(report.settings.sentence)}</p>'
    for part in report.hidden:
        yield f"<p><strong>{_text(part.sentence.capitalize())}.</strong></p>"
    for note in report.notes:
        yield f'<p class="dim">Note: {_text(note)}</p>'


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    yield f"<section><h2>{plural(len(findings), 'finding')}</h2>"
    for finding in findings:
        yield f'<article class="{finding.severity}">'
        yield (
            f"<h3>{finding.severity} {_text(finding.code)} {_text(finding.name)} "
            f'<span class="dim">confidence {finding.confidence}</span></h3>'
        )
        yield f"<p>{_text(finding.message)}</p>"
        yield f"<p><code>{_text(finding.location)}</code></p>"
        yield f'<p class="dim">{_text(finding.hint)}</p></article>'
    yield "</section>"


def _matrix(matrix: MatrixReport) -> Iterator[str]:
    cells = statistic_rows(matrix)
    title = f"{ROLE_WORDS[matrix.role].capitalize()}: {_text(matrix.tensor)}"
    body = [norms_svg(matrix), *_table(cells, numbers=set(range(1, len(cells[0]))))]
    body += [f'<p class="dim">{_text(text)}</p>' for text in (*whole_matrix(matrix), matrix.reference_note)]
    yield from _section(title, body)


def _section(title: str, body: Iterator[str] | Sequence[str]) -> Iterator[str]:
    """`title` is markup."""
    yield f"<section><h2>{title}</h2>"
    yield from body
    yield "</section>"


def _table(rows: Sequence[Cells], numbers: set[int]) -> Iterator[str]:
    """The first row is the heading; columns in `numbers` are set to the right."""
    head, *body = rows
    # Focusable, so that a table wider than the screen can be scrolled from the keyboard.
    yield '<div class="wide" tabindex="0"><table><thead>'
    yield _row(head, "th", numbers)
    yield "</thead><tbody>"
    yield from (_row(row, "td", numbers) for row in body)
    yield "</tbody></table></div>"


def _row(cells: Cells, tag: str, numbers: set[int]) -> str:
    marks = (' class="number"' if at in numbers else "" for at in range(len(cells)))
    return (
        "<tr>"
        + "".join(f"<{tag}{mark}>{_text(cell)}</{tag}>" for cell, mark in zip(cells, marks, strict=True))
        + "</tr>"
    )


def _text(value: str) -> str:
    """Text from a file as markup: visible, and nothing in it is a tag, an entity or an attribute's end."""
    return escape(visible(value), quote=True)
