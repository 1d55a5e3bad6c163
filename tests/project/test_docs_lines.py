"""Lines of the documentation that call rowscope: options exist; blocks run, or stand here with a reason."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from string import Formatter

import pytest
import typer

from rowscope import cli
from rowscope.inspector.checks import RULES, explain

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "skills/**/*.md")
    for path in ROOT.glob(pattern)
)
TOP = typer.main.get_command(cli.app)

# What runs the shell blocks of a page; every other page that has some stands below, with the reason.
RUN_BY = {
    "README.zh.md": "test_pages.py",
    "docs/comparison.md": "test_pages.py",
    "docs/embedding.md": "test_embedding.py",
    "docs/faq.md": "test_pages.py",
    "docs/quick-start.md": "test_pages.py",
    "docs/reading-the-report.md": "test_pages.py",
    "docs/report.md": "test_pages.py",
    "docs/zh/faq.md": "test_pages.py",
    "docs/zh/quick-start.md": "test_pages.py",
    "docs/zh/verdicts.md": "test_pages.py",
    "skills/rowscope/SKILL.md": "test_doors.py",
}
NOT_RUN = {
    "README.md": "makes an environment and installs into it; the workflow of the repository does that",
    "CONTRIBUTING.md": "the repository's own tests and tools, which would call themselves",
    "docs/architecture.md": "the repository's own tests and tools, which would call themselves",
    "docs/benchmarks.md": "minutes of measuring; test_bench.py runs the quick form",
    "docs/cli.md": "writes start-up files of a shell; test_completing.py does so in a folder of its own",
    "docs/coverage.md": "builds every class of transformers, for minutes",
    "docs/fleet.md": "folders of many models, a second machine; tests/fleet runs the same on small ones",
    "docs/remote.md": "needs a network; tests/remote runs the same against servers of its own",
    "docs/studies/demo.en.md": "written by the command itself; tests/study/test_study_copy.py compares it",
    "docs/studies/demo.zh.md": "written by the command itself; tests/study/test_study_copy.py compares it",
    "examples/tiny_qwen2/README.md": "trains the demo checkpoint, for hours",
}


def shell_blocks(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```(?:console|sh|bash)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def lines(page):
    """Lines of code, fenced or set in, that call `rowscope`, up to a comment, a pipe or a redirection."""
    fenced = False
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        found = re.match(r"\$? ?(rowscope [a-z].*)" if fenced else r" {4}(rowscope [a-z].*)", line)
        if found and not re.match(r"rowscope \d", found[1]):
            yield re.split(r"\s(?:#|\||>|&&|\|\|)\s", found[1])[0]


def command_of(words):
    command = TOP
    while hasattr(command, "commands"):
        name = words.pop(0) if words else ""
        if name not in command.commands:
            return command, None if command is not TOP else name  # `fleet PATH` beside `fleet status`
        command = command.commands[name]
    return command, None


@pytest.mark.parametrize("page", [page for page in PAGES if any(lines(page))])
def test_commands_and_options_exist(page):
    for line in lines(page):
        words = shlex.split(line)[1:]
        command, unknown = command_of(list(words))
        if unknown is not None:
            assert unknown.startswith("-") or unknown in ("COMMAND", "CODE"), f"{page}: {line}"
        every = [command, *getattr(command, "commands", {}).values()]  # `fleet PATH` is one of the group's
        options = [option for one in every for option in one.params]
        known = {spelling for option in options for spelling in (*option.opts, *option.secondary_opts)}
        known |= {"--help", "--version", "--quiet", "--verbose", "--color", "--install-completion"}
        known |= {"--show-completion"}
        asked = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
        assert asked <= known, f"{page}: {line}: {sorted(asked - known)}"


def test_every_block_is_run_or_named_with_a_reason():
    having = {page for page in PAGES if shell_blocks(page)}
    assert having - set(RUN_BY) - set(NOT_RUN) == set()
    assert set(RUN_BY) & set(NOT_RUN) == set()
    assert set(RUN_BY) <= having
    for test in RUN_BY.values():
        assert (Path(__file__).parent / test).exists()


def templates():
    """English templates of sentences in the code, as patterns."""
    found = set()
    for path in (ROOT / "inspector").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"
            if called and node.args:
                found |= {c.value for c in ast.walk(node.args[0]) if isinstance(c, ast.Constant)}
    return [pattern(text) for text in found if isinstance(text, str) and len(text) > 20 and "{" in text]


def pattern(template):
    parts = [
        re.escape(literal) + ("" if name is None else ".+?" if "|" not in spec else _either(spec))
        for literal, name, spec, _ in Formatter().parse(template)
    ]
    return re.compile("".join(parts))


def _either(spec):
    return "(?:" + "|".join(re.escape(word).replace(r"\#", r"[\d,]+") for word in spec.split("|")) + ")"


def is_said(text, patterns):
    """Whether a text is one sentence after the other, each of them one that the code can say."""
    if not text:
        return True
    for one in patterns:
        if one.fullmatch(text):
            return True
        found = one.match(text)
        if found and text[found.end() :].startswith(" ") and is_said(text[found.end() + 1 :], patterns):
            return True
    return False


PATTERNS = templates()
QUOTED = [
    code for code in RULES if not explain(code).rstrip("`\n ").rpartition("```\n")[2].startswith("rowscope:")
]


@pytest.mark.parametrize("code", QUOTED)
def test_the_message_that_a_page_quotes_is_one_that_the_rule_gives(code):
    """Pages of errors that stop the reader quote an error instead, with the code at its end."""
    example = " ".join(explain(code).split("## Example")[1].replace("```", "").split())
    _, of, message = re.fullmatch(r"(error|warning|note) (\w+): (.*)", example).groups()
    assert of == code
    assert is_said(message, PATTERNS) or is_said(message.removesuffix("."), PATTERNS), message
