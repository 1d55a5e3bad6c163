"""Every public result compares by value and can be pickled; ids are taken in every form."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import UsageError
from rowscope.inspector.frozen import ReadOnly, same
from rowscope.inspector.model import SuppressReserved, find_subject
from rowscope.inspector.rows import open_rows, scan_rows

STEPS = Path(__file__).resolve().parents[2] / "examples" / "tiny_qwen2" / "steps"


def _scanned():
    with open_rows(rowscope.open_checkpoint("demo").matrices[0]) as reader:
        return scan_rows(reader)[0]


RESULTS = {
    "Checkpoint": lambda: rowscope.open_checkpoint("demo"),
    "Matrix": lambda: rowscope.open_checkpoint("demo").matrices[0],
    "Report": lambda: rowscope.audit("demo"),
    "Census": lambda: rowscope.audit("demo").census,
    "RowTable": _scanned,
    "VocabularyRows": lambda: rowscope.row_table("demo", ids=range(9), evidence=True),
    "find_suspects": lambda: rowscope.find_suspects("demo"),
    "Diff": lambda: rowscope.diff("demo", "demo"),
    "Mask": lambda: rowscope.mask("demo"),
    "FleetReport": lambda: rowscope.fleet_report(STEPS),
    "VocabularyBounds": lambda: rowscope.vocabulary_bounds("demo"),
    "study": lambda: rowscope.study("demo", with_model=False),
    "find_subject": lambda: find_subject(rowscope.open_checkpoint("demo")),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_compare_and_pickle(name):
    one, other = RESULTS[name](), RESULTS[name]()
    assert one == other
    assert one == pickle.loads(pickle.dumps(one))
    assert one == copy.deepcopy(one)
    assert one != object()


def test_every_public_class_of_results_is_tried():
    others = {"RowscopeError", "RemoteOptions", "FleetCallback"}  # what is raised, given, and called
    classes = {name for name in rowscope.__all__ if isinstance(getattr(rowscope, name), type)}
    assert classes - others <= set(RESULTS)


def test_a_difference_in_an_array_is_one():
    one = rowscope.mask("demo")
    other = dataclasses.replace(one, ids=one.ids[:-1])
    assert one != other
    assert not same(np.array([1.0]), np.array([1.0], dtype=np.float32))
    assert same({"a": (float("nan"), np.array([np.nan]))}, {"a": (float("nan"), np.array([np.nan]))})
    report = rowscope.audit("demo")
    assert report == dataclasses.replace(report, timings={})
    assert report != dataclasses.replace(report, complete=False)


def test_mappings_of_results_cannot_be_changed():
    mapping = rowscope.open_checkpoint("demo").config
    assert isinstance(mapping, ReadOnly)
    for change in (lambda: mapping.update(a=1), mapping.clear, lambda: mapping.__setitem__("a", 1)):
        with pytest.raises(TypeError, match="copy it"):
            change()


@pytest.mark.parametrize("line", ["audit demo --format json", "audit demo", "diff demo demo"])
def test_without_timings_two_runs_print_the_same(line):
    words = [sys.executable, "-m", "rowscope", *line.split(), "--no-timings"]
    one, other = (subprocess.run(words, capture_output=True, check=True).stdout for _ in range(2))
    assert one == other
    assert b" in 0." not in one


ROWS = 4096
FORMS = {
    "an id": (7, [7]),
    "a numpy id": (np.int32(7), [7]),
    "a list": ([5, 3, 5], [5, 3, 5]),
    "a tuple": ((5, 3), [5, 3]),
    "a range": (range(3, 9, 2), [3, 5, 7]),
    "a slice": (slice(-3, None), [4093, 4094, 4095]),
    "a set": ({9, 3}, [3, 9]),
    "an iterator": (iter([4, 2]), [4, 2]),
    "text": ("0:2,4095:", [0, 1, 4095]),
    "unsigned ids": (np.array([4, 2], dtype=np.uint64), [4, 2]),
    "flags": (np.arange(ROWS) >= 4094, [4094, 4095]),
    "a list of flags": ([False] * 4095 + [True], [4095]),
    "none": ([], []),
    "an empty range": (range(0), []),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("evidence", [False, True])
def test_ids_in_every_form(name, evidence):
    asked, expected = FORMS[name]
    asked = iter([4, 2]) if name == "an iterator" else asked
    table = rowscope.row_table("demo", ids=asked, evidence=evidence)
    assert table.id.tolist() == expected
    assert table.id.dtype == np.int64
    assert len(list(table.records())) == len(expected)


BAD = {
    "flags of another length": ([True, False], r"flags of shape \[2\] for 4,096 rows"),
    "an id that is no row": ([1, 4096], "4096 is no row"),
    "a negative id": (-1, "-1 is no row"),
    "a fraction": ([1.5], r"\[1.5\] holds no ids"),
    "words": (["a"], "holds no ids"),
    "a table of ids": (np.zeros((2, 2), dtype=np.int64), "holds no ids"),
    "a flag": (True, "True holds no ids"),
    "an object": (object(), "holds no ids"),
    "lists of several lengths": ([[1], [2, 3]], "holds no ids"),
    "text that is no range": ("a:b", "neither an id nor a range"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_holds_no_ids_is_quoted(name):
    asked, message = BAD[name]
    with pytest.raises(UsageError, match=message):
        rowscope.row_table("demo", ids=asked)


def test_flags_of_a_mask_go_anywhere():
    mask = rowscope.mask("demo")
    assert rowscope.row_table("demo", ids=mask.flags).id.tolist() == mask.ids.tolist()
    assert SuppressReserved(mask.flags).ids.tolist() == mask.ids.tolist()
    subject = find_subject(rowscope.open_checkpoint("demo"), mask.flags)
    assert subject.ids.tolist() == mask.ids.tolist()
    assert rowscope.mask("demo", ("reserved", "unmapped")).include == ("reserved", "unmapped")
    with pytest.raises(UsageError, match="names nothing"):
        rowscope.mask("demo", ())
