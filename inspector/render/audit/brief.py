"""The answer of an audit on one screen: its title, a line for every error and warning, the worst by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import rowscope
from rowscope.inspector.audit import Report
from rowscope.inspector.checks import SEVERITY_RANK, Finding
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import bytes_text, class_text, columns_of, name_text, shorten, wrap
from rowscope.inspector.render.spoken import wrapped
from rowscope.inspector.text import Said, joined, say, template, told, visible

SCREEN: Final = 24
"""Lines of the smallest terminal that people use."""

LEVELS: Final = ("error", "warning", "note")
_COUNTS: Final = {
    "error": template("{count:# error|# errors}"),
    "warning": template("{count:# warning|# warnings}"),
    "note": template("{count:# note|# notes}"),
}
LEVEL_WORDS: Final = {"error": say("error"), "warning": say("warning"), "note": say("note")}
"""What a severity is called."""

_CLOSING: Final = 4  # a blank, the counts, what is partial, the worst
_FEWEST: Final = 5


def brief_lines(report: Report, *, exit_code: int, width: int = 80, lang: str = "en") -> Iterator[Line]:
    """`audit --brief`: what fits a terminal of 24 lines, unless names need more."""
    yield from top_lines(report, width, lang)
    yield from closing_lines(report, exit_code, width, lang)


def top_lines(report: Report, width: int, lang: str = "en") -> Iterator[Line]:
    """The title, and one line each for the findings that are errors or warnings, the worst first."""
    title = list(title_lines(report, width, lang))
    yield from title
    yield Line("")
    skipped = [skip for skip in report.coverage.skipped if skip.affects]
    for skip in skipped:
        said = say("not audited  {what}: {why}", what=skip.what, why=_told_part(skip.why, lang))
        yield Line(shorten(visible(told(said, lang)), width), "warning")
    for part in report.hidden:
        yield from (Line(text, "warning") for text in wrapped(part.sentence, width, "", lang))
    grave = _ordered([finding for finding in report.findings if finding.severity != "note"])
    if not grave:
        said = say("no errors, no warnings" if report.complete else "no errors or warnings so far")
        yield Line(told(said, lang), "good")
        return
    above = len(title) + 1 + len(skipped) + len(report.hidden)
    room = max(SCREEN - above - _CLOSING, _FEWEST)
    shown = grave if len(grave) <= room else grave[: room - 1]
    for finding in shown:
        level = told(LEVEL_WORDS[finding.severity], lang)
        gap = " " * (8 - columns_of(level))
        text = f"{level}{gap}{finding.code}  {visible(told(finding.message, lang))}"
        yield Line(shorten(text, width), finding.severity)
    if len(shown) < len(grave):
        yield Line(told(say("and {counts} more", counts=_counts(grave[len(shown) :], LEVELS[:2])), lang))


def _told_part(text: str, lang: str) -> str:
    """A text within a sentence of another language: whole in that language, or marked as English."""
    return text if lang == "en" else told(text, lang)


def title_lines(report: Report, width: int, lang: str = "en") -> Iterator[Line]:
    """What was audited: version, path, class; sizes; the settings file, where one was met."""
    facts = report.checkpoint
    kind = class_text(facts.architectures, facts.model_type)
    head = " · ".join(
        visible(part) for part in (f"rowscope {rowscope.__version__}", facts.path, kind) if part
    )
    yield from (Line(text, "title") for text in wrap(head, width, ""))
    sizes = [
        say("{count:# file|# files}", count=len(facts.files)),
        bytes_text(facts.bytes),
        say("{count:# tensor|# tensors}", count=facts.tensors),
        say("{count:# parameter|# parameters}", count=facts.parameters),
    ]
    if facts.quantization:
        sizes.append(say("quantized: {name}", name=name_text(facts.quantization)))
    yield from (Line(text, "dim") for text in wrapped(joined(" · ", sizes), width, "", lang))
    if report.settings is not None and report.settings.sentence:
        yield from (Line(text, "warning") for text in wrapped(report.settings.sentence, width, "", lang))


def closing_lines(report: Report, exit_code: int, width: int, lang: str = "en") -> Iterator[Line]:
    """How many findings, what was read, the exit code; last of all the worst finding by name."""
    coverage = report.coverage
    yield Line("")
    counted = [
        _counts(report.findings, LEVELS),
        _read(report),
        say("exit {code}", code=exit_code),
    ]
    yield from (Line(text, "dim") for text in wrapped(joined(" · ", counted), width, "", lang))
    if coverage.requests:
        fetched = say(
            "{fetched} of {whole} fetched, {count:# request|# requests}",
            fetched=bytes_text(coverage.bytes_fetched),
            whole=bytes_text(report.checkpoint.bytes),
            count=coverage.requests,
        )
        yield Line(told(fetched, lang), "dim")
    if not report.complete:
        partial = say("Partial audit: see 'not audited' above. This is not a clean verdict.")
        yield Line(told(partial, lang), "warning")
    for part in report.hidden:
        yield from (Line(text, "warning") for text in wrapped(part.sentence, width, "", lang))
    worst = next(iter(_ordered(report.findings)), None)
    if worst is not None:
        said = say(
            "worst: {level} {code} {name} · rowscope explain {code}",
            level=LEVEL_WORDS[worst.severity],
            code=worst.code,
            name=worst.name,
        )
        yield Line(shorten(told(said, lang), width), worst.severity)


def _read(report: Report) -> Said:
    """`4,096 rows, 1.05 MB read in 0.07 s`; no seconds where none were taken."""
    seconds = report.timings.get("total")
    return say(
        "{rows} rows, {bytes} read" if seconds is None else "{rows} rows, {bytes} read in {seconds:.2f} s",
        rows=report.coverage.rows_scanned,
        bytes=bytes_text(report.coverage.bytes_read),
        seconds=seconds,
    )


def _ordered(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: -SEVERITY_RANK[finding.severity])


def _counts(findings: Sequence[Finding], levels: Sequence[str]) -> Said:
    by_level = {level: sum(finding.severity == level for finding in findings) for level in levels}
    return joined(", ", [say(_COUNTS[level], count=count) for level, count in by_level.items()])
