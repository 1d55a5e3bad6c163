"""The notebook holds what its cells give, and every command of the agents' page runs."""

from __future__ import annotations

import importlib.util
import json
import shlex
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKILL = (ROOT / "skills" / "rowscope" / "SKILL.md").read_text(encoding="utf-8")


def test_the_notebook_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("notebook", ROOT / "examples" / "notebook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stored = json.loads(module.PLACE.read_text(encoding="utf-8"))
    assert stored == module.make(), "write it again: python examples/notebook.py"
    assert (tmp_path / "audit.html").read_text().startswith("<!doctype html>")
    assert module.PLACE.stat().st_size < 40_000


def test_the_page_for_agents_says_its_name_and_when_to_use_it():
    head = SKILL.split("---")[1].strip().splitlines()
    fields = dict(line.split(": ", 1) for line in head)
    assert fields["name"] == "rowscope"
    assert 100 < len(fields["description"]) <= 1024


COMMANDS = [line for line in SKILL.split("```sh\n")[1].split("```")[0].splitlines() if line]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_for_agents_runs(run, line):
    program, *words = shlex.split(line)
    assert program == "rowscope"
    code, out, err = run(*words)
    assert code == 0, err
    assert "--format json" not in line or json.loads(out)["exit_code"] == 0


def test_the_script_of_the_hugging_face_command_line_is_ours():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts["hf-rowscope"] == scripts["rowscope"]
