"""An audit in a notebook: what it says in a few lines, and the findings to unfold."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from rowscope.inspector.audit import Report
from rowscope.inspector.checks import Finding
from rowscope.inspector.text import plural, visible

_LEVELS: Final = ("error", "warning", "note")


def notebook_html(report: Report) -> str:
    """A fragment without scripts and styles of its own, so that it looks as the notebook does."""
    return "".join(_fragment(report))


def _fragment(report: Report) -> Iterator[str]:
    counts = (plural(sum(f.severity == level for f in report.findings), level) for level in _LEVELS)
    partial = "" if report.complete else ", <strong>partial</strong>"
    yield f"<p><strong>{_text(report.checkpoint.path)}</strong>: {', '.join(counts)}{partial}</p>"
    yield from (f"<p>{_text(paragraph)}</p>" for paragraph in report.summary)
    yield from (f"<p>{_text(part.sentence)}</p>" for part in report.hidden)
    yield from (_finding(finding) for finding in report.findings)


def _finding(finding: Finding) -> str:
    head = f"{finding.severity} {finding.code}: {finding.message}"
    return f"<details><summary>{_text(head)}</summary><p>{_text(finding.hint)}</p></details>"


def _text(value: str) -> str:
    return escape(visible(value), quote=True)
