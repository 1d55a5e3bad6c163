"""Every finding code has one page that says what its rule says; the index lists them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rowscope.inspector.checks import explain
from rowscope.inspector.checks.registry import RULES
from rowscope.inspector.errors import UsageError

FOLDER = Path(__file__).parents[2] / "docs" / "findings"
CHINESE = ["含义", "怎么测", "怎么办", "什么时候会误报"]
HEADINGS = ["What it means", "How it is measured", "What to do", "When it is wrong", "Example"]


def test_pages_and_rules_are_the_same_codes():
    assert {path.stem for path in FOLDER.glob("*.md")} == {*RULES, "README"}
    assert {path.stem for path in (FOLDER / "zh").glob("*.md")} == set(RULES)


@pytest.mark.parametrize("code", RULES)
def test_a_page_agrees_with_its_rule(code):
    rule = RULES[code]
    title, blank, severity, *rest = explain(code).splitlines()
    assert title == f"# {rule.code} {rule.name}"
    assert blank == ""
    assert re.match(r"Severity: (error|warning|note)\b", severity)
    assert severity.split()[1].rstrip(".;,") == rule.severity
    assert [line[3:] for line in rest if line.startswith("## ")] == HEADINGS


@pytest.mark.parametrize("code", RULES)
def test_every_section_says_something_and_what_to_do_names_a_step(code):
    sections = re.split(r"^## .*$", explain(code), flags=re.MULTILINE)[1:]
    assert all(len(section.strip()) > 40 for section in sections)
    assert sections[2].strip().startswith("- ")
    assert all(len(line) <= 120 for line in explain(code).splitlines())


def test_pages_name_commands_and_codes_that_exist():
    known = {"inspect", "audit", "rows", "suspects", "diff", "claim", "mask", "probe", "explain"}
    for code in RULES:
        page = explain(code)
        assert set(re.findall(r"`rowscope (\w+)", page)) <= known
        assert set(re.findall(r"\b(?:FIL|VOC|ROW|TOK|TIE)\d{3}\b", page)) <= set(RULES)


@pytest.mark.parametrize("code", RULES)
def test_a_page_in_chinese_has_the_same_title_and_its_own_sections(code):
    page = explain(code, "zh")
    lines = page.splitlines()
    assert lines[0] == f"# {code} {RULES[code].name}"
    level = {"error": "错误", "warning": "警告", "note": "提示"}[RULES[code].severity]
    assert lines[2].startswith(f"级别：{level}")
    assert [line[3:] for line in lines if line.startswith("## ")] == CHINESE
    sections = re.split(r"^## .*$", page, flags=re.MULTILINE)[1:]
    assert all(section.strip() for section in sections)
    assert sections[2].strip().startswith("- ")
    # What both pages name is the same: codes, commands, keys; the Chinese one may name fewer.
    named = re.compile(r"`(?:rowscope \w+|evidence\.\w+|--[\w-]+)|\b[A-Z]{3}\d{3}\b")
    assert set(named.findall(page)) <= set(named.findall(explain(code)))
    # A line of the source that ends within a word of Chinese leaves no blank there.
    assert not re.search(r"[\u4e00-\u9fff]\n *[\u4e00-\u9fff]", page)


def test_a_language_that_is_not_there_is_named():
    with pytest.raises(UsageError, match="'fr' is not known; use en, zh"):
        explain("ROW201", "fr")


def test_the_index_lists_the_rules():
    rows = re.findall(
        r"^\| \[(\w+)\]\((\w+)\.md\) \| ([\w-]+) \| (\w+) \| (.+) \|$",
        (FOLDER / "README.md").read_text(),
        re.M,
    )
    assert rows == [(r.code, r.code, r.name, r.severity, r.summary) for r in RULES.values()]


@pytest.mark.parametrize("word", ["row201", "ROW201", "non-finite-rows", "NON-FINITE-ROWS"])
def test_a_code_is_found_by_code_and_name(word):
    assert explain(word).startswith("# ROW201 ")


@pytest.mark.parametrize(
    ("word", "near"),
    [("ROW2O1", "ROW201"), ("TOK31", "TOK301"), ("unmaped-rows", "unmapped-rows"), ("", None)],
)
def test_an_unknown_code_lists_all_and_suggests_the_nearest(word, near):
    with pytest.raises(UsageError) as caught:
        explain(word)
    assert repr(word) in caught.value.message
    assert all(code in caught.value.message for code in RULES)
    assert ("did you mean" in caught.value.message) == (near is not None)
    assert near is None or f"did you mean {near}?" in caught.value.message


@pytest.mark.parametrize("word", ["../README", "README", "/etc/passwd"])
def test_no_other_file_can_be_read(word):
    with pytest.raises(UsageError):
        explain(word)
