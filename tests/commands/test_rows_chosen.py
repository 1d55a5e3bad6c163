"""`rows` by pattern, verdict and condition, in the order of a column."""

from __future__ import annotations

import json

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import UsageError
from rowscope.inspector.listing import filtered


@pytest.fixture(scope="module")
def table():
    return rowscope.row_table("demo", evidence=True)


@pytest.fixture
def ids(run):
    def call(*words):
        code, out, err = run("rows", "demo", *words, "--format", "json")
        assert code == 0, err
        return [row["id"] for row in json.loads(out)["rows"]]

    return call


def test_grep_finds_stored_spellings_and_texts(ids):
    assert ids("--grep", "^<.fim_") == [4003, 4004, 4005]
    assert ids("--grep", "^ SM$") == ids("--grep", "^\u0120SM$") == [469]
    assert ids("--grep", "fim", "--ids", "0:4004") == [4003]
    assert ids("--grep", "no such thing at all") == []


def test_verdicts(ids, table):
    expected = table.id[table.verdict == "collapsed"].tolist()
    assert ids("--verdict", "collapsed") == expected
    assert ids("--verdict", "collapsed,trained") == table.id.tolist()


@pytest.mark.parametrize(
    ("where", "keeps"),
    [
        ("norm<0.6", lambda t: t.norm < 0.6),
        ("norm >= 2.8", lambda t: t.norm >= 2.8),
        ("group=added", lambda t: t.group == "added"),
        ("group != base", lambda t: t.group != "base"),
        ("nonzero==128", lambda t: t.nonzero == 128),
    ],
)
def test_conditions(table, where, keeps):
    found = filtered(table, where=[where])
    assert found.id.tolist() == table.id[keeps(table)].tolist()
    assert set(found.columns) == set(table.columns)


def test_conditions_and_verdicts_hold_together(ids, table):
    both = (table.norm > 2.8) & (table.verdict == "collapsed")
    assert ids("--verdict", "collapsed", "--where", "norm>2.8") == table.id[both].tolist()


@pytest.mark.parametrize("column", ["norm", "token", "id", "cosine_to_reference", "verdict"])
def test_sorting_is_that_of_python(table, column):
    def key(row):
        value = row[column]
        return (value is None, "" if value is None else value)

    rows = list(table.records())
    expected = [row["id"] for row in sorted(rows, key=key)]
    assert filtered(table, sort=column).id.tolist() == expected
    known = [row for row in rows if row[column] is not None]
    down = [row["id"] for row in sorted(known, key=lambda row: row[column], reverse=True)]
    found = filtered(table, sort=f"-{column}").id.tolist()
    assert sorted(found) == sorted(expected)
    assert [row[column] for id in found[: len(known)] for row in [rows[id]]] == [
        rows[id][column] for id in down
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--verdict", "colapsed"], "did you mean collapsed?"),
        (["--where", "nrm<1"], "did you mean norm?"),
        (["--where", "norm is small"], "no condition"),
        (["--where", "norm<small"], "'small' is no number"),
        (["--where", "group<added"], "compare them with ="),
        (["--sort", "nom"], "did you mean norm?"),
        (["--grep", "("], "no regular expression"),
        (["--verdict", "zero", "--no-evidence"], "leave out --no-evidence"),
        (["--token", "<|fim_prefx|>"], "did you mean '<|fim_prefix|>'"),
    ],
)
def test_what_cannot_be_is_told_with_the_nearest(run, words, said):
    code, _, err = run("rows", "demo", *words)
    assert code == 2
    assert said in err


def test_nothing_near_nothing_guessed(run):
    assert "did you mean" not in run("rows", "demo", "--token", "\u4e00\u4e01\u4e02\u4e03")[2]


def test_a_bare_file_has_nothing_to_search(table, write_checkpoint, tmp_path, run):
    values = np.ones((8, 4), dtype="f4")
    folder = write_checkpoint(tmp_path / "bare", {"model.embed_tokens.weight": values})
    code, _, err = run("rows", folder, "--grep", "a")
    assert code == 2
    assert "tokenizer files" in err
    with pytest.raises(UsageError):
        filtered(table, where=["x"])


@pytest.mark.parametrize("group", ["reserved", "used", "added", "placeholder"])
def test_a_condition_on_the_group_means_what_the_option_means(run, group):
    words = ["rows", "demo", "--format", "json"]
    by_option = json.loads(run(*words, "--group", group)[1])["rows"]
    by_condition = json.loads(run(*words, "--where", f"group={group}")[1])["rows"]
    others = json.loads(run(*words, "--where", f"group!={group}")[1])["rows"]
    assert [row["id"] for row in by_condition] == [row["id"] for row in by_option]
    assert len(by_condition) + len(others) == 4096


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rows demo --where verdict=colapsed", "did you mean collapsed?"),
        ("rows demo --where group!=everyone", "'everyone' is not known; use used, reserved"),
        ("rows demo --where confidence=hihg", "did you mean high?"),
        ("rows demo --no-evidence --verdict trained", "leave out --no-evidence"),
        ("rows demo --no-evidence --sort duplicates", "leave out --no-evidence"),
        ("rows demo --token fim_prefix", "did you mean '<|fim_prefix|>'?"),
        ("rows demo --token <|im_ed|>", "did you mean '<|im_end|>'"),
        ("claim demo <A> --dry-run --replace <|reserved_O|>", "did you mean '<|reserved_"),
        ("claim demo <A> --dry-run --values like:<|im_ed|>", "did you mean '<|im_end|>'?"),
        ("fleet statsu store", "did you mean status?"),
        ("audti demo", "Did you mean 'audit'?"),
        ("probe lek demo", "Did you mean 'leak'?"),
        ("audit demo --fail-om note", "--fail-on"),
        ("audit demo --matrix model.embed_token.weight", "did you mean model.embed_tokens.weight?"),
    ],
)
def test_what_is_misspelt_is_answered_with_what_was_meant(run, line, said):
    code, out, err = run(*line.split())
    assert (code, out) == (2, "")
    assert said in err
