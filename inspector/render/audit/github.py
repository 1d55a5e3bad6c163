"""An audit as workflow commands: GitHub Actions turns each line into an annotation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.audit import Report
from rowscope.inspector.checks import SEVERITY_RANK
from rowscope.inspector.render.audit.places import file_of, path_of
from rowscope.inspector.render.plain import plural
from rowscope.inspector.text import visible

_COMMAND: Final = {"error": "error", "warning": "warning", "note": "notice"}


def render_github(report: Report, *, exit_code: int, root: str | None = None) -> str:
    """One annotation for each finding and for each thing not audited, then one line that counts them.

    Args:
        exit_code: what the command exits with.
        root: folder that file paths are relative to; the working directory by default.
    """
    return "".join(f"{line}\n" for line in _lines(report, exit_code, root))


def _lines(report: Report, exit_code: int, root: str | None) -> Iterator[str]:
    for skip in report.coverage.skipped:
        if skip.affects:
            level = "error" if exit_code == 3 else "warning"
            yield annotation(level, f"{skip.what}: {skip.why}", title="rowscope: not audited")
    for finding in report.findings:
        yield annotation(
            _COMMAND[finding.severity],
            f"{finding.message} {finding.hint}".strip(),
            title=f"{finding.code} {finding.name}",
            file=path_of(report, file_of(report, finding), root),
        )
    yield from (inert(part.sentence) for part in report.hidden)
    yield from (inert(f"note: {visible(note)}") for note in report.notes)
    levels = sorted(SEVERITY_RANK, key=lambda level: -SEVERITY_RANK[level])
    counts = ", ".join(plural(sum(f.severity == level for f in report.findings), level) for level in levels)
    partial = "" if report.complete else ", partial audit"
    yield inert(f"rowscope: {visible(report.checkpoint.path)}: {counts}{partial}, exit {exit_code}")


def inert(line: str) -> str:
    """A line of a log that the runner does not take for a command: not `::` in front, nowhere `##[`."""
    line = line.replace("##[", "## [")
    return f"'{line}'" if line.lstrip().startswith("::") else line


def annotation(command: str, message: str, **properties: str) -> str:
    """One workflow command, `::error file=…,title=…::message`, its parts made visible and escaped."""
    given = ",".join(f"{name}={_property(visible(value))}" for name, value in sorted(properties.items()))
    return f"::{command} {given}::{_data(visible(message))}"


def _data(text: str) -> str:
    """The runner undoes these three in messages; `%` goes first, or the others would be escaped twice."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """In properties `:` and `,` end a value as well."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
