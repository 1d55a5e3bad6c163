"""`explain`: pages refilled to the terminal's width, words whole, nothing lost; the list of all."""

from __future__ import annotations

import itertools
import json
import re

import pytest

from rowscope.inspector.checks import RULES, explain
from rowscope.inspector.render.explain import page_lines

_MARKS = re.compile(r"^(#+ |```\w*$)|\[([^\]]+)\]\((?!http)[^)]+\)", re.MULTILINE)


def words(text):
    return text.split()


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("code", RULES)
def test_no_word_is_broken_or_lost(code, width):
    page = explain(code)
    lines = [line.text for line in page_lines(page, width)]
    assert words("\n".join(lines)) == words(_MARKS.sub(lambda found: found[2] or "", page))
    long = [line for line in lines if len(line) > width and len(line.split()) > 1]
    assert long == []


@pytest.mark.parametrize("code", RULES)
def test_paragraphs_fill_their_column(code):
    """A line is short only where its paragraph ends, or where the next word would not have fitted."""
    lines = [line.text for line in page_lines(explain(code), 80)]
    for one, following in itertools.pairwise(lines):
        if one and following and not one.startswith(" ") and re.match(r"\w", following):
            assert len(one) + 1 + len(following.split()[0]) > 80, (one, following)


def test_columns_are_honoured(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "62")
    out = run("explain", "ROW203")[1]
    assert 55 < max(map(len, out.splitlines())) <= 62
    assert max(map(len, run("audit", "demo")[1].splitlines())) <= 62
    monkeypatch.setenv("COLUMNS", "nonsense")
    assert 70 < max(map(len, run("explain", "ROW203")[1].splitlines())) <= 80


def test_markdown_is_the_page_itself(run):
    assert run("explain", "ROW203", "--format", "markdown")[1] == explain("ROW203")


def test_without_a_code_all_are_listed(run):
    code, out, _ = run("explain")
    assert code == 0
    assert re.findall(r"^  ([A-Z]{3}\d{3})  (\w+) +([\w-]+)$", out, re.MULTILINE) == sorted(
        ((rule.code, rule.severity, rule.name) for rule in RULES.values()),
        key=lambda row: (["FIL", "VOC", "ROW", "TOK", "TIE", "DIF"].index(row[0][:3]), row[0]),
    )
    found = json.loads(run("explain", "--format", "json")[1])["findings"]
    assert {row["code"]: row["summary"] for row in found} == {r.code: r.summary for r in RULES.values()}
    assert run("explain", "--format", "markdown")[1].count("\n") == len(RULES) + 2
