"""A fault of rowscope's own is told from an answer: Python's exit code for it would mean findings."""

import gc
import subprocess
import sys

import pytest

from rowscope import cli

FAULTY = """
import rowscope.commands.application as application
import rowscope.cli
application.run = lambda words: 1 // 0
rowscope.cli.main()
"""


def test_a_fault_of_rowscope_is_no_answer():
    done = subprocess.run([sys.executable, "-c", FAULTY], capture_output=True, text=True)
    assert done.returncode == 70
    assert "ZeroDivisionError" in done.stderr
    assert done.stderr.endswith("please report it\n")


@pytest.mark.parametrize("words", [["explain", "ROW203"], ["--help"], ["rows", "nowhere"]])
def test_who_calls_the_command_from_python_gets_the_interpreter_back(monkeypatch, capsys, words):
    """Else a fault of theirs would be called one of rowscope's, and their garbage would lie."""
    before = gc.get_threshold(), sys.excepthook
    monkeypatch.setattr(sys, "argv", ["rowscope", *words])
    with pytest.raises(SystemExit):
        cli.main()
    assert (gc.get_threshold(), sys.excepthook) == before
