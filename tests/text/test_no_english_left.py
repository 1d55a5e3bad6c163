"""Reports in Chinese hold no English sentence: three words in a row stand in code or in quotes alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from rowscope.inspector.render.audit import render_report

COMMANDS = (
    ("rows", "demo", "--ids", "4000:4030"),
    ("rows", "demo", "--verdict", "zero"),
    ("suspects", "demo", "--limit", "5"),
    ("mask", "demo", "--include", "reserved,untrained"),
    ("inspect", "demo", "--verify"),
    ("inspect", "demo", "--diagnose"),
    ("diff", "demo", "demo", "--expect-unchanged", "0:10"),
    ("claim", "demo", "<NUM>", "<MUL>", "--values", "normal", "--dry-run"),
    ("claim", "demo", "<NEW>", "--replace", "<|reserved_0|>", "--values", "keep", "--dry-run"),
    ("claim", "demo", "<NUM>", "--values", "text:a number", "--special", "--dry-run"),
    ("explain",),
)
CODE = ("code", "pre", "script", "style", "title")
# Quoted data and code, by kind: what stands in backticks or quotes, and commands to copy.
QUOTED = re.compile(r"`[^`]*`|'[^'\n]*'|\"[^\"\n]*\"|“[^”]*”|rowscope( [\w./@<>|'-]+)+")
WORDS = re.compile(r"\b[A-Za-z]{2,}(?: [a-z]+){2,}\b")


class Prose(HTMLParser):
    """The text of a page outside of its code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.inside += [tag] if tag in CODE else []
        self.text += [f"\n{value}\n" for name, value in attributes if name in ("aria-label", "placeholder")]

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()
        self.text.append("\n")

    def handle_data(self, data):
        self.text += [] if self.inside else [data]


def english(text: str) -> list[str]:
    """Runs of English words that are no quoted data, line by line and cell by cell."""
    return WORDS.findall(re.sub(r" {2,}|\n|\|", "\n", QUOTED.sub("…", text)))


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_an_audit(reports, format):
    left = {}
    for name, report in reports.items():
        shown = render_report(report, format, exit_code=0, lang="zh")
        text = "".join(Prose(shown).text) if format == "html" else shown
        left[name] = [*english(text.replace("\\", "")), *re.findall("英文原文", text)]
    assert {name: found for name, found in left.items() if found} == {}


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:3]))
def test_a_command(run, words):
    code, out, _ = run(*words, "--lang", "zh")
    assert code == 0
    assert re.search("[\u4e00-\u9fff]", out)
    assert english(out) == []
    assert "英文原文" not in out


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_a_store(run, tmp_path, format):
    run("fleet", "demo", "--out", tmp_path / "store", "--workers", "1")
    _, out, _ = run("fleet", "report", tmp_path / "store", "--lang", "zh", "--format", format)
    assert english("".join(Prose(out).text) if format == "html" else out) == []


@pytest.mark.parametrize("command", [("rows", "demo", "--ids", "3990:4100"), ("diff", "demo", "demo")])
def test_pages(run, command):
    _, out, _ = run(*command, "--lang", "zh", "--format", "html")
    assert english("".join(Prose(out).text)) == []


def test_the_walk_finds_english():
    assert english("说明：the rows were not read。") == ["the rows were not read"]
    assert english("用 `rowscope rows PATH and more` 看 'a b c d'") == []
