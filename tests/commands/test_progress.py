"""A bar says what is waited for before anything can be counted, and only on a terminal."""

from __future__ import annotations

import io
import sys
import time
from types import SimpleNamespace

import pytest

from rowscope import progress
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.storage import Traffic


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def soon(monkeypatch):
    """soon() puts a terminal in place of standard error, within the test: pytest captures phase by phase."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "AFTER", 0.01)

    def replace():
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return replace


def wait_for(terminal, words):
    end = time.monotonic() + 20
    while words not in terminal.getvalue():
        assert time.monotonic() < end, terminal.getvalue()
        time.sleep(0.01)


def test_the_tokenizer_is_read_before_rows_are_counted(soon):
    terminal = soon()
    with progress.Progress(open_checkpoint("demo")) as bar:
        wait_for(terminal, "reading the tokenizer")
        bar(4096)
        wait_for(terminal, "rows")


def test_a_model_loads_before_its_probes_begin(soon):
    terminal = soon()
    with progress.StageProgress() as bar:
        wait_for(terminal, "loading the model")
        bar("leak", 1, 2)
        wait_for(terminal, "leak")


def test_quick_work_and_no_terminal_show_nothing(monkeypatch):
    monkeypatch.setattr(progress, "AFTER", 0.0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress.StageProgress() as bar:
        time.sleep(0.05)
        bar("leak", 1, 2)
    assert sys.stderr.getvalue() == ""


def test_a_bar_that_was_not_due_never_opens(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress.StageProgress() as bar:
        bar("leak", 1, 2)
    assert sys.stderr.getvalue() == ""


def test_what_is_fetched_is_told_in_bytes(soon):
    traffic = Traffic()
    remote = SimpleNamespace(matrices=(), traffic=(traffic,))
    terminal = soon()
    with progress.Progress(remote):
        wait_for(terminal, "reading the tokenizer")
        traffic.plan(272_000_000, "a table")
        traffic.receive(12_000_000, "a table")
        wait_for(terminal, "fetched 12.0 of 272.0 MB")
    traffic.receive(1, "a table")  # nobody watches any more


@pytest.mark.parametrize(
    "line",
    [
        "audit demo",
        "suspects demo",
        "rows demo --full",
        "rows demo --no-evidence --ids 0:9",
        "diff demo demo",
    ],
)
def test_as_many_rows_are_counted_as_the_bar_has(run, monkeypatch, line):
    bars = []
    monkeypatch.setattr(progress.Progress, "__enter__", lambda self: bars.append(self) or self)
    assert run(*line.split())[0] == 0
    assert bars[0]._done == bars[0]._total


def test_a_bar_ends_full_however_often_the_rows_were_looked_at(soon):
    terminal = soon()
    with progress.Progress(open_checkpoint("demo")) as bar:
        wait_for(terminal, "reading the tokenizer")
        bar(4096)
        wait_for(terminal, "50%")
    assert "100%" in terminal.getvalue()


def test_a_bar_that_ends_with_an_error_does_not_claim_to_be_done(soon):
    terminal = soon()
    bar = progress.Progress(open_checkpoint("demo"))
    bar.__enter__()
    wait_for(terminal, "reading the tokenizer")
    bar(4096)
    wait_for(terminal, "50%")
    bar.__exit__(ValueError, ValueError("stop"), None)
    assert "100%" not in terminal.getvalue()
