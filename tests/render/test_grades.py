"""A verdict says how far a trained row has moved wherever people read it; JSON keeps the two apart."""

from __future__ import annotations

import dataclasses

import pytest
from typer.testing import CliRunner

import rowscope
from rowscope.cli import app
from rowscope.inspector.render.audit import render_report
from rowscope.inspector.render.plain import graded


@pytest.mark.parametrize(
    ("verdict", "grade", "shown"),
    [
        ("trained", "barely", "barely trained"),
        ("trained", "partly", "partly trained"),
        ("trained", "clearly", "trained"),
        ("trained", None, "trained"),
        ("collapsed", None, "collapsed"),
        (None, None, "-"),
    ],
)
def test_the_words(verdict, grade, shown):
    assert graded(verdict, grade) == shown


def test_rows_show_them():
    arguments = ["rows", "demo", "--where", "grade=barely", "--limit", "3", "--full"]
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "140"}).output
    assert shown.count("barely trained") == 3


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_special_tokens_show_them(format):
    report = rowscope.audit("demo")
    token, *others = report.special_tokens
    moved = dataclasses.replace(token, grade={"input": "barely", "output": "barely"})
    shown = render_report(dataclasses.replace(report, special_tokens=(moved, *others)), format, exit_code=0)
    assert "barely trained" in shown
    assert "barely trained" not in render_report(report, format, exit_code=0)
