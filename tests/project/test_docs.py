"""Every command and option is documented; test_json_page.py sees to the keys."""

import re
from pathlib import Path

import pytest
import typer

from rowscope import cli

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLI = (DOCS / "cli.md").read_text(encoding="utf-8")


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
