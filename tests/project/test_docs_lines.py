"""Lines of the documentation that call rowscope: options exist; blocks run, or stand here with a reason."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from rowscope import cli

from .page_lines import ROOT, written

PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "skills/**/*.md")
    for path in ROOT.glob(pattern)
)
TOP = typer.main.get_command(cli.app)

# What runs the commands of a page, fenced or set in; other pages with some stand below, with the reason.
RUN_BY = {
    "README.zh.md": "test_pages.py",
    "docs/claim.md": "test_docs_commands.py",
    "docs/cli.md": "../commands/test_completing.py",
    "docs/comparison.md": "test_pages.py",
    "docs/diff.md": "test_docs_commands.py",
    "docs/embedding.md": "test_embedding.py",
    "docs/faq.md": "test_pages.py",
    "docs/fleet.md": "test_docs_commands.py",
    "docs/mask.md": "test_docs_commands.py",
    "docs/model-mode.md": "test_docs_commands.py",
    "docs/quick-start.md": "test_pages.py",
    "docs/reading-the-report.md": "test_pages.py",
    "docs/remote.md": "test_docs_commands.py",
    "docs/report.md": "test_pages.py",
    "docs/studies/demo.en.md": "../study/test_study_copy.py",
    "docs/studies/demo.zh.md": "../study/test_study_copy.py",
    "docs/zh/faq.md": "test_pages.py",
    "docs/zh/quick-start.md": "test_pages.py",
    "docs/zh/verdicts.md": "test_pages.py",
    "skills/rowscope/SKILL.md": "test_doors.py",
}
NOT_RUN = {
    "README.md": "makes an environment and installs into it: .ci/run does so before these tests",
    "docs/architecture.md": "the repository's own tests and tools, which would call themselves",
    "docs/benchmarks.md": "minutes of measuring; test_bench.py runs the quick form",
    "docs/coverage.md": "builds every class of transformers, for minutes",
    "docs/truth.md": "minutes of measuring, and models that are not ours",
    "examples/tiny_qwen2/README.md": "trains the demo checkpoint, for hours",
}
# Python blocks: what runs them, all of a page.
PYTHON_BY = {
    "README.md": "test_readme.py",
    "README.zh.md": "test_pages.py",
    "docs/embedding.md": "test_embedding.py",
    "docs/faq.md": "test_pages.py",
    "docs/findings/FIL006.md": "test_docs_python.py",
    "docs/findings/VOC104.md": "test_docs_python.py",
    "docs/findings/zh/FIL006.md": "test_docs_python.py",
    "docs/findings/zh/VOC104.md": "test_docs_python.py",
    "docs/fleet.md": "test_docs_python.py",  # and tests/fleet/test_command.py those that read a store
    "docs/mask.md": "../mask/test_mask_docs.py",
    "docs/model-mode.md": "test_docs_python.py",
    "docs/remote.md": "test_docs_python.py",
    "docs/studies/demo.en.md": "test_docs_python.py",
    "docs/studies/demo.zh.md": "test_docs_python.py",
    "docs/zh/faq.md": "test_pages.py",
}
# Blocks without a language: output, which a test compares, or what is no output.
PLAIN = {
    "README.md": ["output of `audit demo`: test_readme.py compares it"],
    "README.zh.md": ["installs", "installs"],
    "docs/architecture.md": ["a drawing"],
    "docs/fleet.md": ["a tree of files"],
    "docs/quick-start.md": ["installs"],
    "docs/remote.md": ["output over a network, of a model of 1 GB: tests/remote asserts its form"],
    "docs/zh/quick-start.md": ["installs"],
}


def blocks(page, *languages):
    text = (ROOT / page).read_text(encoding="utf-8")
    fenced = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    return [block for language, block in fenced if language in languages]


def has_commands(page):
    set_in = re.search(r"^\n {4}(?:rowscope|python) ", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE)
    return bool(set_in or blocks(page, "console", "sh", "bash"))


def command_of(words):
    command = TOP
    while hasattr(command, "commands"):
        name = words.pop(0) if words else ""
        if name not in command.commands:
            return command, None if command is not TOP else name  # `fleet PATH` beside `fleet status`
        command = command.commands[name]
    return command, None


@pytest.mark.parametrize("page", [page for page in PAGES if any(written(page))])
def test_commands_and_options_exist(page):
    for line in written(page):
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


def test_every_command_is_run_or_named_with_a_reason():
    having = {page for page in PAGES if has_commands(page)}
    assert having == {*RUN_BY, *NOT_RUN}
    assert set(RUN_BY) & set(NOT_RUN) == set()


def test_every_python_block_is_run():
    assert {page for page in PAGES if blocks(page, "python")} == set(PYTHON_BY)
    assert [by for by in (RUN_BY | PYTHON_BY).values() if not (Path(__file__).parent / by).exists()] == []


def test_every_output_is_compared():
    """Those of the pages of findings by test_docs_examples.py."""
    examples = [page for page in PAGES if re.fullmatch(r"docs/findings/[A-Z]+\d+\.md", page)]
    assert {page: len(blocks(page, "")) for page in examples} == dict.fromkeys(examples, 1)
    plain = {page: len(blocks(page, "", "text")) for page in PAGES if page not in examples}
    assert {page: count for page, count in plain.items() if count} == {
        page: len(kinds) for page, kinds in PLAIN.items()
    }
