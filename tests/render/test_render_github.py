"""Workflow commands that the runner reads back as what was meant."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowscope.inspector.render.audit.github import annotation, inert, render_github
from rowscope.inspector.text.escape import visible

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def _undo(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for code, character in pairs:
        text = text.replace(code, character)
    return text


def read_back(line: str) -> tuple[str, dict[str, str], str]:
    """What the runner makes of a line: command, properties, message; `%25` is undone last."""
    match = COMMAND.fullmatch(line)
    assert match is not None
    data = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
    prop = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
    pairs = (part.split("=", 1) for part in match[2].split(",") if part)
    return match[1], {name: _undo(value, prop) for name, value in pairs}, _undo(match[3], data)


@pytest.mark.parametrize("name", ["demo", "untied", "beyond", "twice", "headless", "partial"])
def test_one_annotation_for_each_finding(reports, name):
    report = reports[name]
    *commands, last = render_github(report, exit_code=report.exit_code(), root="/").splitlines()
    read = [read_back(line) for line in commands]
    skipped = [skip for skip in report.coverage.skipped if skip.affects]
    found = read[len(skipped) :]
    assert len(found) == len(report.findings)
    for (command, properties, message), finding in zip(found, report.findings, strict=True):
        assert command == {"error": "error", "warning": "warning", "note": "notice"}[finding.severity]
        assert properties["title"] == f"{finding.code} {finding.name}"
        assert properties["file"].rsplit("/", 1)[-1] in {
            "config.json", "model.safetensors", "model.safetensors.index.json", "generation_config.json",
            "model-00001-of-00002.safetensors",
        }  # fmt: skip
        assert message == visible(f"{finding.message} {finding.hint}")
    assert last.startswith("rowscope: ")
    assert last.endswith(f"exit {report.exit_code()}")


def test_a_partial_audit_is_an_error_unless_allowed(reports):
    report = reports["partial"]
    for code, command in ((3, "error"), (0, "warning")):
        lines = render_github(report, exit_code=code).splitlines()
        assert [line.split(" ")[0] for line in lines[:-1]] == [f"::{command}"] * 2
        assert "partial audit" in lines[-1]


def test_a_clean_run_is_one_plain_line(reports):
    clean = dataclasses.replace(reports["demo"], findings=())
    text = render_github(clean, exit_code=0)
    assert text == "rowscope: demo: 0 errors, 0 warnings, 0 notes, exit 0\n"


@given(message=st.text(), title=st.text(), file=st.text(min_size=1))
def test_any_text_survives_and_stays_one_command(message, title, file):
    line = annotation("error", message, title=title, file=file)
    assert len(line.splitlines()) <= 1
    command, properties, read = read_back(line)
    assert command == "error"
    assert properties == {"title": visible(title), "file": visible(file)}
    assert read == visible(message)


@given(st.text())
def test_a_plain_line_is_never_a_command(text):
    line = inert(visible(text))
    assert not line.lstrip().startswith("::")
    assert "##[" not in line
