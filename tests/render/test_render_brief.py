"""The answer first: what the text report leads with and ends in, and `audit --brief`."""

import dataclasses
import json
import subprocess
import sys

import pytest

from rowscope.inspector.audit import Report
from rowscope.inspector.checks import RULES, SEVERITY_RANK
from rowscope.inspector.render import to_plain_text
from rowscope.inspector.render.audit import audit_lines, brief_lines
from rowscope.inspector.render.plain import columns_of

NAMES = ("demo", "untied", "beyond", "twice", "headless", "partial", "claimed")


def _brief(report: Report, width: int = 80) -> list[str]:
    code = report.exit_code()
    return to_plain_text(brief_lines(report, exit_code=code, width=width)).splitlines()


def _full(report: Report) -> list[str]:
    return to_plain_text(audit_lines(report, exit_code=report.exit_code())).splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_one_line_for_every_error_and_warning_the_worst_first(reports, name: str) -> None:
    report = reports[name]
    grave = [finding for finding in report.findings if finding.severity != "note"]
    lines = _brief(report)
    found = [line for line in lines if line.startswith(("error ", "warning "))]
    assert sorted(line.split()[1] for line in found) == sorted(finding.code for finding in grave)
    ranks = [SEVERITY_RANK[line.split()[0]] for line in found]
    assert ranks == sorted(ranks, reverse=True)
    assert len(lines) <= 24
    assert all(columns_of(line) <= 80 for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_report_starts_and_ends_so(reports, name: str) -> None:
    report = reports[name]
    brief, full = _brief(report), _full(report)
    top = brief.index("", brief.index("") + 1)
    assert full[:top] == brief[:top]
    assert full[-len(brief[top:]) :] == brief[top:]
    if report.findings:
        worst = max(report.findings, key=lambda finding: SEVERITY_RANK[finding.severity])
        assert full[-1].startswith(f"worst: {worst.severity} {worst.code}")
        assert f"{worst.severity} {worst.code}:" in "\n".join(full)
    assert ("not a clean verdict" in "\n".join(brief)) == (not report.complete)
    assert ("not audited  " in "\n".join(brief)) == (not report.complete)


def test_sixty_findings_still_fit(reports) -> None:
    warning = next(f for f in reports["demo"].findings if f.severity == "warning")
    error = dataclasses.replace(warning, severity="error", code="VOC105", message="介绍" * 60)
    report = dataclasses.replace(reports["demo"], findings=(*[warning] * 57, *[error] * 3))
    lines = _brief(report)
    assert len(lines) <= 24
    assert [line.split()[0] for line in lines[3:6]] == ["error"] * 3
    listed = sum(line.startswith("warning ") for line in lines)
    assert f"and 0 errors, {57 - listed} warnings more" in lines
    assert all(columns_of(line) <= 80 for line in lines)
    assert lines[-1].startswith("worst: error VOC105")


def test_nothing_to_say(reports) -> None:
    report = dataclasses.replace(reports["demo"], findings=())
    lines = _brief(report)
    assert "no errors, no warnings" in lines
    assert not any(line.startswith("worst") for line in lines)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rowscope", "audit", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command() -> None:
    done = _run("--brief", "--fail-on", "warning")
    assert (done.returncode, done.stderr) == (1, "")
    assert len(done.stdout.splitlines()) <= 24
    assert done.stdout.splitlines()[-1].split()[2] in RULES


def test_brief_is_text() -> None:
    done = _run("--brief", "--format", "json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["location"] == "--brief"
