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
