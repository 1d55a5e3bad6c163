"""Every command, option and JSON key is documented."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import typer

import rowscope
from rowscope import cli

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLI = (DOCS / "cli.md").read_text(encoding="utf-8")
JSON = (DOCS / "json.md").read_text(encoding="utf-8")


def commands():
    """Command words -> the parser's command, sub-commands included."""
    top = typer.main.get_command(cli.app)
    found = {}
    for name, body in top.commands.items():
        if hasattr(body, "commands"):
            found |= {f"{name} {inner}": command for inner, command in body.commands.items()}
        else:
            found[name] = body
    return found


COMMANDS = commands()


def section(name):
    """The part of docs/cli.md under the command's heading."""
    match = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", CLI, flags=re.MULTILINE | re.DOTALL)
    return match[1] if match else ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_its_place(name):
    text = section(name)
    assert text, f"docs/cli.md has no section '## {name}'"
    shared = section("All commands") + (section("probe") if name.startswith("probe ") else "")
    for option in COMMANDS[name].params:
        for spelling in (*option.opts, *option.secondary_opts):
            if spelling.startswith("--"):
                assert f"`{spelling}" in text + shared, f"{name} {spelling}"


def test_no_section_without_a_command():
    named = set(re.findall(r"^## (.*)$", CLI, flags=re.MULTILINE))
    assert named - {"All commands", "Completion", "Exit codes", "probe", "fleet", "Settings"} == set(COMMANDS)


def test_the_readme_names_every_command():
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"rowscope {name.split(maxsplit=1)[0]}" in readme, name


def keys(value, documented=frozenset()):
    """All keys of a JSON document; below `open` maps (names as keys) only the values count."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


def is_described(key):
    """A key in backticks; keys that are names from a file (tensors, ids, tokens) are described in words."""
    return f"`{key}`" in JSON


@pytest.fixture
def run(monkeypatch, capfd):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["rowscope", *map(str, words), "--format", "json"])
        with pytest.raises(SystemExit):
            cli.main()
        return json.loads(capfd.readouterr().out)

    return call


FILES = {
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "config.json",
    "generation_config.json",
}
FILES |= {"chat_template.jinja"}


def undescribed(document):
    return sorted({key for key in keys(document) if not is_described(key) and key not in FILES})


@pytest.mark.parametrize(
    "words",
    [
        ("inspect", "demo"),
        ("inspect", "demo", "--diagnose"),
        ("rows", "demo", "--ids", "0:3"),
        ("rows", "demo", "--ids", "0:3", "--no-evidence"),
        ("suspects", "demo", "--limit", "3", "--reachability"),
        ("mask", "demo"),
        ("explain", "ROW203"),
        ("audit", "nowhere"),
        ("claim", "demo", "<NUM>", "--dry-run"),
    ],
)
def test_every_key_is_described(run, words):
    assert undescribed(run(*words)) == []


def test_every_key_of_claims_and_comparisons_is_described(run, tmp_path):
    source = rowscope.open_checkpoint("demo").root
    copy = shutil.copytree(source, tmp_path / "copy")
    assert undescribed(run("claim", "demo", "<NUM>", "--out", tmp_path / "out")) == []
    assert undescribed(run("claim", copy, "<NUM>", "--in-place")) == []
    assert undescribed(run("diff", "demo", copy, "--expect-unchanged", "0:4096")) == []
    assert undescribed(run("undo", copy)) == []


STEPS = Path(__file__).resolve().parents[2] / "examples" / "tiny_qwen2" / "steps"


def test_every_key_of_fleets_is_described(run, tmp_path):
    assert undescribed(run("fleet", "demo", tmp_path / "nowhere", "--out", tmp_path / "out")) == []
    assert undescribed(run("fleet", "status", tmp_path / "out")) == []
    assert undescribed(run("fleet", "report", STEPS)) == []


@pytest.mark.parametrize("probe", ["forward", "gradient", "leak", "train", "verify"])
def test_every_key_of_the_probes_is_described(run, probe):
    pytest.importorskip("transformers", reason="extra model")
    more = {"forward": ["--limit", "4"], "train": ["--steps", "2"], "leak": ["--rl-steps", "1"]}.get(
        probe, []
    )
    assert undescribed(run("probe", probe, "demo", *more)) == []


def test_faults_are_described(run, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(np.uint64(7).tobytes() + b'{"a":1}')
    assert undescribed(run("inspect", tmp_path, "--diagnose")) == []
