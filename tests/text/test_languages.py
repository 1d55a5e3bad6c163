"""Sentences in other languages: every template that the code says has its words, with the same values."""

from __future__ import annotations

import ast
import copy
import pickle
import tomllib
from collections import Counter
from pathlib import Path
from string import Formatter

import pytest

import rowscope
from rowscope.inspector import text
from rowscope.inspector.checks import RULES
from rowscope.inspector.text import joined, languages, say, told, translated

CODE = Path(text.__file__).parents[1]
ZH = tomllib.loads((Path(text.__file__).parent / "zh.toml").read_text("utf-8"))
ENTRIES = [entry for entries in ZH.values() for entry in entries]


def literals(node):
    """The strings that an argument may be; anything else cannot be looked up and fails."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    if isinstance(node, ast.Attribute) and node.attr == "summary":
        return [rule.summary for rule in RULES.values()]
    assert isinstance(node, ast.Constant), ast.unparse(node)
    assert isinstance(node.value, str)
    return [node.value]


def templates(path):
    """Templates in a module, where it has `say` from the room of sentences; variables of `template`s pass."""
    tree = ast.parse(path.read_text("utf-8"))
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in froms if node.module == "rowscope.inspector.text"]
    names = {alias.name for node in ours for alias in node.names} & {"say", "template"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            variable = isinstance(node.args[0], ast.Name | ast.Subscript)
            if not (variable and node.func.id == "say" and "template" in names):
                yield from literals(node.args[0])


FILES = [*CODE.rglob("*.py"), *(Path(rowscope.__file__).parent / "commands").glob("*.py")]
SAID = sorted({found for path in FILES for found in templates(path)})


def values(template):
    return {(name, conversion) for _, name, _, conversion in Formatter().parse(template) if name is not None}


def test_every_template_has_its_words_and_every_entry_a_template():
    assert len(SAID) > 150
    known = {entry["en"] for entry in ENTRIES}
    assert sorted(set(SAID) - known) == []
    assert sorted(known - set(SAID)) == [], "the English has changed, or is no longer said"
    assert [en for en, count in Counter(entry["en"] for entry in ENTRIES).items() if count > 1] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["en"][:40])
def test_both_languages_fill_in_the_same_values(entry):
    assert values(entry["zh"]) == values(entry["en"])
    assert entry["zh"].endswith("。") == entry["en"].endswith("."), "whole sentences end as such"


def test_numbers_and_nouns():
    assert say("{n:# row|# rows} of {all}, id {id:d}", n=1, all=1234, id=1234) == "1 row of 1,234, id 1234"
    assert say("{n:# row|# rows}", n=2) == "2 rows"
    assert say("{name!r} is {flag}", name="a{b}", flag=True) == "'a{b}' is True"


def test_a_sentence_is_text_that_copies_and_pickles():
    said = joined(
        " ",
        [
            say("{note:A}.", note=say("all rows")),
            say("Id {id:d} is stated for {tokens}.", id=7, tokens="'a'"),
        ],
    )
    assert said == "All rows. Id 7 is stated for 'a'."
    for other in (copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert other == said
        assert translated(other, "zh") == "全部行。id 7 同时写给了 'a'。"


def test_what_has_no_words_is_given_whole_in_english_and_says_so(monkeypatch):
    assert translated("a note of a reader", "zh") is None
    assert told("a note of a reader", "zh") == "（英文原文）a note of a reader"
    # A part without words keeps the whole in English: no sentence is in two languages.
    assert (
        told(say("{note:A}.", note=say("nobody says {this}", this=1)), "zh") == "（英文原文）Nobody says 1."
    )
    assert told("a note", "en") == translated("a note", "en") == "a note"


def test_english_reads_no_catalogue(monkeypatch):
    monkeypatch.setattr(languages, "catalogue", lambda language: pytest.fail("read"))
    assert told(say("all rows"), "en") == "all rows"
