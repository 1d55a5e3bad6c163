"""Colours by option and environment; quiet and verbose."""

from __future__ import annotations

import sys

import pytest

import rowscope
from rowscope import progress
from rowscope.terminal import manner

ESCAPE = "\x1b["


@pytest.mark.parametrize(
    ("words", "environment", "colours"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color=never"], {"FORCE_COLOR": "1"}, False),
        (["--color", "auto"], {}, False),
    ],
)
def test_colours(run, monkeypatch, words, environment, colours):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code, out, _ = run("audit", "demo", "--brief", *words)
    assert code == 0
    assert (ESCAPE in out) == colours


def test_a_file_is_never_coloured(run, tmp_path):
    run("audit", "demo", "--color", "always", "-o", tmp_path / "x.txt")
    assert ESCAPE not in (tmp_path / "x.txt").read_text()


def test_an_unknown_choice(run):
    code, _, err = run("audit", "demo", "--color", "sometimes")
    assert code == 2
    assert "'sometimes' is not known; use auto, always, never" in err


def test_quiet_says_no_notes(run):
    words = ["mask", "demo", "--format", "verl", "--include", "reserved"]
    loud, still = run(*words)[2], run(*words, "-q")[2]
    assert still == "" or "note:" not in still
    assert len(still) <= len(loud)


def test_quiet_opens_no_bar(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    token = manner.set(("auto", True, False))
    try:
        with progress.Progress(rowscope.open_checkpoint("demo")) as bar:
            assert not bar._timer.is_alive()
    finally:
        manner.reset(token)


def test_verbose_lists_all(run, checkpoint_folders):
    short, long = run("audit", "demo")[1], run("audit", "demo", "-v")[1]
    assert long.count("collapsed  high") > short.count("collapsed  high")


def test_tokens_with_roles_come_first(run):
    lines = run("audit", "demo")[1].splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("special and added tokens"))
    ids = [line.split()[0] for line in lines[at + 2 : at + 10]]
    assert ids == ["4000", "4001", "4002", "4003", "4004", "4005", "4006", "4007"]
