"""A fault of rowscope's own is told from an answer: Python's exit code for it would mean findings."""

import subprocess
import sys

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
