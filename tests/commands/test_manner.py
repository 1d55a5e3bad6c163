"""Colours by option and environment; quiet and verbose."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import typer

import rowscope
from rowscope import progress
from rowscope.cli import app
from rowscope.inspector.render import Line
from rowscope.inspector.render.plain import columns_of
from rowscope.terminal import emit_lines, manner

ESCAPE = "\x1b["
STEPS = Path(__file__).parents[2] / "examples" / "tiny_qwen2" / "steps"
# A quick line of every command, and whether its text has colours.
LINES = {
    "inspect": ("demo", False),
    "audit": ("demo", True),
    "rows": ("demo --ids 0:3", True),
    "suspects": ("demo --limit 3", True),
    "diff": ("demo demo", True),
    "claim": ("demo <A> --dry-run", False),
    "undo": ("DIR", False),
    "mask": ("demo", True),
    "study": ("demo --no-model", False),
    "explain": ("ROW201", True),
    "probe forward": ("demo --limit 1", True),
    "probe gradient": ("demo", True),
    "probe leak": ("demo", True),
    "probe train": ("demo", True),
    "probe verify": ("demo", True),
    "fleet run": ("demo --out STORE --workers 1", True),
    "fleet status": ("STORE", True),
    "fleet report": (f"{STEPS}", True),
}
EXTRAS = {"probe": "transformers", "fleet": "pyarrow"}


def _names(command, words=()):
    inside = getattr(command, "commands", None)
    if inside is None:
        return [" ".join(words)]
    return [name for word, inner in inside.items() for name in _names(inner, (*words, word))]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A folder without a checkpoint, and a store."""
    folder = tmp_path_factory.mktemp("manner")
    if importlib.util.find_spec("pyarrow") is not None:
        rowscope.fleet("demo", folder / "store", workers=1)
    return {"DIR": str(folder), "STORE": str(folder / "store")}


def _words(name, places):
    """The line of a command; skips where the extra that it needs is not installed."""
    needs = EXTRAS.get(name.partition(" ")[0], "numpy")
    if importlib.util.find_spec(needs) is None:
        pytest.skip(f"needs {needs}")
    line = LINES[name][0]
    for word, path in places.items():
        line = line.replace(word, path)
    return line.split()


def test_every_command_is_tried():
    assert sorted(LINES) == sorted(_names(typer.main.get_command(app)))


@pytest.mark.parametrize("name", LINES)
def test_every_command_has_all_three(run, monkeypatch, places, name):
    """What the options say wins over the environment."""
    words = _words(name, places)
    monkeypatch.setenv("NO_COLOR", "1")
    if not name.startswith("probe ") or name == "probe forward":  # of the slow ones one stands for all
        code, out, err = run(*name.split(), *words, "--color", "always", "-q", "-v")
        assert code == (5 if name == "undo" else 0)
        assert (ESCAPE in out) == LINES[name][1]
        assert "note: " not in err
    code, out, err = run(*name.split(), *words, "--color", "sometimes")
    assert (code, out) == (2, "")
    assert "'sometimes' is not known; did you mean" in err or "use auto, always, never" in err


@pytest.mark.parametrize("name", [name for name, (_, has) in LINES.items() if has and "probe" not in name])
@pytest.mark.parametrize(
    ("environment", "colours"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_the_environment_decides_for_every_command(run, monkeypatch, places, name, environment, colours):
    words = _words(name, places)
    for variable in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert (ESCAPE in run(*name.split(), *words)[1]) == colours
    if not colours:
        assert ESCAPE in run(*name.split(), *words, "--color", "always")[1]


@pytest.mark.parametrize("columns", [70, 80, 120])
@pytest.mark.parametrize(
    "name", [name for name in LINES if name not in ("study", "undo") and "probe" not in name]
)
def test_text_keeps_to_the_columns(run, monkeypatch, places, name, columns):
    words = _words(name, places)
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run(*name.split(), *words)[1].splitlines()
    lines = [line for line in lines if places["STORE"] not in line]  # a path is not broken
    assert max(map(columns_of, lines)) <= columns


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


@pytest.mark.parametrize("colour", ["always", "never"])
def test_no_line_of_a_log_is_a_command_to_the_runner(capfd, monkeypatch, colour):
    """Names out of a checkpoint stand in lines of text; coloured ones are no exception."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    token = manner.set((colour, False, False))
    try:
        emit_lines([Line("::error::x"), Line("a ##[group]x"), Line("\x1b[2Jx", "title")], None)
    finally:
        manner.reset(token)
    first, second, third = capfd.readouterr().out.splitlines()
    assert first == "'::error::x'"
    assert second == "a ## [group]x"
    assert third == ("\x1b[1m\\x1b[2Jx\x1b[0m" if colour == "always" else "\x1b[2Jx")
