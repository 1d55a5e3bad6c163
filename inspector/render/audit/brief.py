"""The answer of an audit on one screen: its title, a line for every error and warning, the worst by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import rowscope
from rowscope.inspector.audit import Report
from rowscope.inspector.checks import SEVERITY_RANK, Finding
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import bytes_text, class_text, name_text, plural, shorten, taken, wrap
from rowscope.inspector.text import visible

SCREEN: Final = 24
"""Lines of the smallest terminal that people use."""

LEVELS: Final = ("error", "warning", "note")
_CLOSING: Final = 4  # a blank, the counts, what is partial, the worst
_FEWEST: Final = 5


def brief_lines(report: Report, *, exit_code: int, width: int = 80) -> Iterator[Line]:
    """`audit --brief`: what fits a terminal of 24 lines, unless names need more."""
    yield from top_lines(report, width)
    yield from closing_lines(report, exit_code, width)


def top_lines(report: Report, width: int) -> Iterator[Line]:
    """The title, and one line each for the findings that are errors or warnings, the worst first."""
    title = list(title_lines(report, width))
    yield from title
    yield Line("")
    skipped = [skip for skip in report.coverage.skipped if skip.affects]
    for skip in skipped:
        yield Line(shorten(f"not audited  {visible(skip.what)}: {visible(skip.why)}", width), "warning")
    yield from (Line(text, "warning") for part in report.hidden for text in wrap(part.sentence, width, ""))
    grave = _ordered([finding for finding in report.findings if finding.severity != "note"])
    if not grave:
        yield Line("no errors, no warnings" if report.complete else "no errors or warnings so far", "good")
        return
    above = len(title) + 1 + len(skipped) + len(report.hidden)
    room = max(SCREEN - above - _CLOSING, _FEWEST)
    shown = grave if len(grave) <= room else grave[: room - 1]
    for finding in shown:
        text = f"{finding.severity:<7} {finding.code}  {visible(finding.message)}"
        yield Line(shorten(text, width), finding.severity)
    if len(shown) < len(grave):
        yield Line(f"and {_counts(grave[len(shown) :], LEVELS[:2])} more")


def title_lines(report: Report, width: int) -> Iterator[Line]:
    """What was audited: version, path, class; sizes; the settings file, where one was met."""
    facts = report.checkpoint
    kind = class_text(facts.architectures, facts.model_type)
    head = " · ".join(
        visible(part) for part in (f"rowscope {rowscope.__version__}", facts.path, kind) if part
    )
    yield from (Line(text, "title") for text in wrap(head, width, ""))
    sizes = [
        plural(len(facts.files), "file"),
        bytes_text(facts.bytes),
        plural(facts.tensors, "tensor"),
        plural(facts.parameters, "parameter"),
    ]
    if facts.quantization:
        sizes.append(f"quantized: {name_text(facts.quantization)}")
    yield from (Line(text, "dim") for text in wrap(" · ".join(sizes), width, ""))
    if report.settings is not None and report.settings.sentence:
        yield from (Line(text, "warning") for text in wrap(visible(report.settings.sentence), width, ""))


def closing_lines(report: Report, exit_code: int, width: int) -> Iterator[Line]:
    """How many findings, what was read, the exit code; last of all the worst finding by name."""
    coverage = report.coverage
    yield Line("")
    counted = (
        f"{_counts(report.findings, LEVELS)} · {coverage.rows_scanned:,} rows, "
        f"{bytes_text(coverage.bytes_read)} read{taken(report.timings)} · exit {exit_code}"
    )
    yield from (Line(text, "dim") for text in wrap(counted, width, ""))
    if coverage.requests:
        fetched, whole = bytes_text(coverage.bytes_fetched), bytes_text(report.checkpoint.bytes)
        yield Line(f"{fetched} of {whole} fetched, {plural(coverage.requests, 'request')}", "dim")
    if not report.complete:
        yield Line("Partial audit: see 'not audited' above. This is not a clean verdict.", "warning")
    for part in report.hidden:
        yield from (Line(text, "warning") for text in wrap(part.sentence, width, ""))
    worst = next(iter(_ordered(report.findings)), None)
    if worst is not None:
        text = f"worst: {worst.severity} {worst.code} {worst.name} · rowscope explain {worst.code}"
        yield Line(shorten(text, width), worst.severity)


def _ordered(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: -SEVERITY_RANK[finding.severity])


def _counts(findings: Sequence[Finding], levels: Sequence[str]) -> str:
    by_level = {level: sum(finding.severity == level for finding in findings) for level in levels}
    return ", ".join(plural(count, level) for level, count in by_level.items())
