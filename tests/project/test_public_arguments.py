"""Every parameter of every public function: a value of another type is refused, and nothing is written."""

from __future__ import annotations

import inspect
import shutil

import numpy as np
import pytest

import rowscope

from .made_for_pages import DEMO

BAD = {
    "an object": object(),
    "a list of objects": [object()],
    "a fraction": 1.5,
    "a word": "no such thing",
    "flags": np.ones(3, dtype=bool),
    "a range": range(3),
    "a negative number": -1,
    "bytes": b"\xff",
}
# Bad values that a parameter takes: any word can be a token or a folder, a range is ids.
TAKEN = {
    ("claim_into", "tokens"): {"a word"},
    ("plan_claim", "tokens"): {"a word"},
    ("claim_into", "out"): {"a word", "bytes"},
    ("apply_claim", "out"): {"a word", "bytes"},
    ("diff", "expect_unchanged"): {"a range"},
    ("row_table", "ids"): {"a range"},
    ("fleet", "out"): {"a word", "bytes"},
    ("fleet", "time_limit"): {"a fraction"},
    ("open_checkpoint", "tokenizer"): {"a word"},
    ("find_suspects", "limit"): {"a negative number"},
    ("claim_into", "seed"): {"a negative number"},
    ("plan_claim", "seed"): {"a negative number"},
}
# Hooks, things of tests, and yes or no, where Python takes anything.
NOT_ASKED = {"progress", "disk", "watch", "names", "given", "early"}
YES_OR_NO = {"reachability", "evidence", "full", "trust_manifest", "retry_failed"}
# Parameters of paths have a test of their own, test_public_api.py.
PATHS = {"path", "path_or_checkpoint", "checkpoint", "base", "tuned", "store", "paths"}


def _function(name):
    return getattr(rowscope, name)


def _given(name, folder):
    """Arguments with which the function runs."""
    plan = rowscope.plan_claim("demo", "<A>", values="keep")
    return {
        "apply_claim": lambda: {"plan": plan, "out": folder / "out"},
        "apply_mask": lambda: {"path": shutil.copytree(DEMO, folder / "demo"), "mask": rowscope.mask("demo")},
        "audit": lambda: {"checkpoint": "demo"},
        "claim_into": lambda: {
            "path_or_checkpoint": "demo",
            "tokens": "<A>",
            "out": folder / "out",
            "values": "keep",
        },
        "diff": lambda: {"base": "demo", "tuned": "demo"},
        "find_suspects": lambda: {"checkpoint": "demo"},
        "fleet": lambda: {"paths": "demo", "out": folder / "store"},
        "mask": lambda: {"path": "demo"},
        "open_checkpoint": lambda: {"path": "demo"},
        "plan_claim": lambda: {"path_or_checkpoint": "demo", "tokens": "<A>", "values": "keep"},
        "row_table": lambda: {"checkpoint": "demo", "ids": [1]},
        "study": lambda: {"path": "demo", "with_model": False},
    }[name]()


FUNCTIONS = sorted(name for name in rowscope.__all__ if inspect.isfunction(_function(name)))
CASES = [
    (name, parameter.name)
    for name in FUNCTIONS
    for parameter in inspect.signature(_function(name)).parameters.values()
    if parameter.name not in NOT_ASKED | YES_OR_NO | PATHS and parameter.kind is not parameter.VAR_KEYWORD
    if name != "apply_claim_in_place"  # its plan: test_public_api.py
]


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_a_value_of_another_type_is_refused(name, parameter, tmp_path, monkeypatch):
    if name == "fleet":
        pytest.importorskip("pyarrow", reason="extra table")
    monkeypatch.chdir(tmp_path)
    given = _given(name, tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    for form, value in BAD.items():
        if form in TAKEN.get((name, parameter), ()):
            continue
        with pytest.raises(rowscope.RowscopeError) as caught:
            _function(name)(**{**given, parameter: value})
        assert caught.value.location, form
        assert {path.name for path in tmp_path.iterdir()} == before, form
