"""Every public function: ids in the forms in which code has them, tokens and words too, and bad values."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import RowscopeError, UsageError

FUNCTIONS = {
    name for name in rowscope.__all__ if inspect.isfunction(getattr(rowscope, name)) and name[0].islower()
}
ROWS = 4096
FORMS = {
    "list": [4000, 4001, 4002],
    "range": range(4000, 4003),
    "flags": (np.arange(ROWS) >= 4000) & (np.arange(ROWS) < 4003),
    "array": np.array([4000, 4001, 4002], dtype=np.int32),
    "set": {4000, 4001, 4002},
    "text": "4000:4003",
}
BAD = {
    "words": ["a"],
    "a number too large": [ROWS],
    "flags too short": np.ones(7, dtype=bool),
    "a fraction": 1.5,
}


def _plan(tokens, **more):
    return rowscope.plan_claim("demo", tokens, values="keep", **more)


# Functions that take ids -> the ids that a form of them means.
OF_IDS = {
    "row_table": lambda ids: rowscope.row_table("demo", ids=ids).id.tolist(),
    "diff": lambda ids: [
        id
        for start, stop in rowscope.diff("demo", "demo", expect_unchanged=ids).expected_unchanged
        for id in range(start, stop)
    ],
}
# Functions that take tokens -> the tokens of the plan or result.
OF_TOKENS = {
    "plan_claim": lambda tokens, folder: [new.token for new in _plan(tokens).claimed],
    "claim_into": lambda tokens, folder: [
        new.token for new in rowscope.claim_into("demo", tokens, folder / "out", values="keep").claimed
    ],
}
# Functions that take a path, or a checkpoint that was opened.
OF_PATHS = {
    "apply_mask": lambda path: rowscope.apply_mask(path, rowscope.mask("demo")),
    "audit": lambda path: rowscope.audit(path),
    "claim_into": lambda path: rowscope.claim_into(path, "<A>", "never-made"),
    "diff": lambda path: rowscope.diff("demo", path),
    "find_suspects": lambda path: rowscope.find_suspects(path),
    "mask": lambda path: rowscope.mask(path),
    "open_checkpoint": lambda path: rowscope.open_checkpoint(path),
    "plan_claim": lambda path: rowscope.plan_claim(path, "<A>"),
    "reserved_ids": lambda path: rowscope.reserved_ids(path),
    "row_table": lambda path: rowscope.row_table(path),
    "study": lambda path: rowscope.study(path, with_model=False),
    "undo_claim": lambda path: rowscope.undo_claim(path),
    "vocabulary_bounds": lambda path: rowscope.vocabulary_bounds(path),
}
# Functions of stores of a fleet; what is no path or no store.
OF_STORES = {
    "fleet": lambda path: rowscope.fleet(path, "never-made"),
    "fleet_report": lambda path: rowscope.fleet_report(path),
}
OF_PLANS = {"apply_claim", "apply_claim_in_place"}


def test_every_public_function_is_here():
    assert {*OF_IDS, *OF_TOKENS, *OF_PATHS, *OF_PLANS, *OF_STORES} == FUNCTIONS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", OF_IDS)
def test_ids_in_every_form(name, form):
    assert OF_IDS[name](FORMS[form]) == [4000, 4001, 4002]


@pytest.mark.parametrize("form", BAD)
@pytest.mark.parametrize("name", OF_IDS)
def test_what_holds_no_ids_is_quoted(name, form):
    with pytest.raises(UsageError) as caught:
        OF_IDS[name](BAD[form])
    assert any(part in caught.value.message for part in ("4096", "'a'", "[7]", "1.5"))


@pytest.mark.parametrize("form", [["<A>", "<B>"], ("<A>", "<B>")])
@pytest.mark.parametrize("name", OF_TOKENS)
def test_tokens_in_every_form(name, form, tmp_path):
    assert OF_TOKENS[name](form, tmp_path) == ["<A>", "<B>"]
    assert OF_TOKENS[name]("<A>", tmp_path / "one" if (tmp_path / "one").mkdir() is None else None) == ["<A>"]


@pytest.mark.parametrize("form", [7, [7], [], [""], None, np.ones(3, dtype=bool)])
@pytest.mark.parametrize("name", OF_TOKENS)
def test_what_is_no_token_is_refused(name, form, tmp_path):
    with pytest.raises(RowscopeError):
        OF_TOKENS[name](form, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [7, None, ["demo"], object(), np.ones(3, dtype=bool), range(3)])
@pytest.mark.parametrize("name", OF_PATHS)
def test_what_is_no_path_is_quoted(name, path):
    with pytest.raises(UsageError, match="is no path"):
        OF_PATHS[name](path)
    assert not Path("never-made").exists()


@pytest.mark.parametrize("path", [7, None, [7], object(), np.ones(3, dtype=bool), range(3)])
@pytest.mark.parametrize("name", OF_STORES)
def test_a_fleet_of_what_is_no_path_is_quoted(name, path):
    pytest.importorskip("pyarrow", reason="extra table")
    with pytest.raises(UsageError, match="is no path"):
        OF_STORES[name](path)
    with pytest.raises(UsageError, match="is no path"):
        rowscope.fleet("demo", path)
    assert not Path("never-made").exists()


@pytest.mark.parametrize("name", OF_PATHS)
def test_a_path_to_nothing_is_an_error_of_ours(name):
    with pytest.raises(RowscopeError, match="nowhere"):
        OF_PATHS[name]("nowhere/at/all")


@pytest.mark.parametrize("form", [["reserved", "unmapped"], ("unmapped",), {"reserved"}, "reserved,unmapped"])
def test_words_in_every_form(form):
    assert len(rowscope.mask("demo", form)) == 88 if "reserved" in form else 80


@pytest.mark.parametrize("form", ["nothing", ["reserved", "x"], [7], 7, range(3)])
def test_words_that_are_none(form):
    with pytest.raises(UsageError, match="--include"):
        rowscope.mask("demo", form)


@pytest.mark.parametrize("plan", [7, "demo", [1], None])
def test_what_is_no_plan_is_refused(plan, tmp_path):
    with pytest.raises(UsageError, match="plan_claim"):
        rowscope.apply_claim(plan, tmp_path / "out")
    with pytest.raises(UsageError, match="plan_claim"):
        rowscope.apply_claim_in_place(plan)
    assert list(tmp_path.iterdir()) == []
