"""The command line, called in this process."""

import sys

import pytest

from rowscope import cli


@pytest.fixture
def run(monkeypatch, capfd):
    """run(*words) -> (exit code, standard output, standard error), in this process."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["rowscope", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capfd.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return call
