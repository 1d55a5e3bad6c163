"""What `--help` says: options in panels, whole words in any width, examples that run, exit codes."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import typer

import rowscope
from rowscope.cli import app
from rowscope.commands.manual import COMMAND_GROUPS, EXIT_CODES, PAGES
from rowscope.commands.panels import OPTIONS, PANELS
from rowscope.inspector.header.read import read_header
from rowscope.inspector.storage.local import local_file

DEMO = Path(rowscope.__file__).parent / "demo"
ROOT = typer.main.get_command(app)


def _commands(command, words=()):
    """Words of every command and group -> the parser's command."""
    found = {" ".join(words): command}
    for name, inner in getattr(command, "commands", {}).items():
        found |= _commands(inner, (*words, name))
    return found


COMMANDS = _commands(ROOT)
NEEDS = {"probe": "transformers", "fleet": "pyarrow", "study": "numpy"}


def test_every_command_has_its_page_and_its_group():
    assert set(PAGES) == set(COMMANDS)
    grouped = [name for names in COMMAND_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(ROOT.commands)


def test_every_option_has_a_panel_and_no_panel_names_an_option_that_is_not_there():
    names = {f"{words} {one.name}" for words, command in COMMANDS.items() for one in command.params}
    used = set()
    for name in names:
        used |= {name, name.rpartition(" ")[2]} & set(OPTIONS)
    # Typer makes these by itself.
    assert set(OPTIONS) - used == {"help", "seed"} - used
    assert {panel for panel, _ in OPTIONS.values()} == set(PANELS)


@pytest.mark.parametrize("columns", [60, 80, 140])
@pytest.mark.parametrize("words", COMMANDS)
def test_help_fits_the_columns_and_breaks_no_word(run, monkeypatch, words, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = run(*words.split(), "--help")
    assert (code, err) == (0, "")
    lines = [line for line in out.splitlines() if "  rowscope " not in line]  # lines to copy stay whole
    assert max(map(len, lines)) <= min(columns, 100)
    if columns == 80:
        assert max(map(len, out.splitlines())) <= 80
    flat = " ".join(out.split())
    for one in COMMANDS[words].params:
        said = (one.help or "").partition("  [")[0].rstrip(".")
        assert one.name == "format" or " ".join(said.split()) in flat
        assert all(option in flat for option in one.opts if option.startswith("--"))
    titles = re.findall(r"^(\S.*):$", out, flags=re.MULTILINE)
    assert titles[-2:] == ["Examples", "Exit codes"]
    assert "Terminal" in titles
    assert [code for code in PAGES[words].exit_codes if f"\n  {code} " not in out] == []


def test_panels_and_groups(run):
    titles = re.findall(r"^(\S.*):$", run("audit", "--help")[1], flags=re.MULTILINE)
    panels = ["Input", "Selection", "Measurement", "Gate", "Output", "Terminal"]
    assert titles == ["Arguments", *panels, "Examples", "Exit codes"]
    assert list(COMMAND_GROUPS) == re.findall(r"^(\S.*):$", run("--help")[1], flags=re.MULTILINE)[:5]


@pytest.mark.parametrize(
    ("environment", "styled"), [({}, False), ({"FORCE_COLOR": "1"}, True), ({"NO_COLOR": "1"}, False)]
)
def test_titles_are_styled_as_other_output_is(run, monkeypatch, environment, styled):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[1m" in run("audit", "--help")[1]) == styled


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A working directory with what the examples name: model, base, and tuned, where row 9 was changed."""
    for name in ("model", "base", "tuned"):
        shutil.copytree(DEMO, tmp_path / name)
    path = tmp_path / "tuned" / "model.safetensors"
    header = read_header(local_file(path))
    start = next(one.start for one in header.tensors if one.name == "model.embed_tokens.weight")
    data = bytearray(path.read_bytes())
    data[header.data_start + start + 9 * 128 * 2] ^= 1
    path.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("group", COMMAND_GROUPS)
def test_every_example_runs(run, folders, group):
    done = set()
    for words, page in PAGES.items():
        first = words.partition(" ")[0]
        if first not in COMMAND_GROUPS[group]:
            continue
        if importlib.util.find_spec(NEEDS.get(first, "numpy")) is None:
            pytest.skip(f"{first} needs {NEEDS[first]}")
        for example in (one for one in page.examples if one.line not in done):
            done.add(example.line)
            program, *line = shlex.split(example.line)
            assert program == "rowscope"
            assert " ".join(line).startswith(words.removesuffix(" run"))
            code, _, err = run(*line)
            assert code == example.exit_code, (example.line, err)
            assert code in page.exit_codes
            written = [word for option, word in pairwise(line) if option == "-o"]
            assert all((folders / name).stat().st_size for name in written)


def test_the_examples_of_the_program_run(run, folders):
    for example in PAGES[""].examples:
        assert run(*shlex.split(example.line)[1:])[0] == 0
    assert set(PAGES[""].exit_codes) == set(EXIT_CODES)
