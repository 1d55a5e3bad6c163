"""--select and --ignore: codes and their beginnings, the longer one decides."""

from __future__ import annotations

import pytest

from rowscope.inspector.checks.registry import RULES
from rowscope.inspector.errors import UsageError
from rowscope.inspector.gate.selection import apply_selection, select

ALL = frozenset(RULES)


def _codes(chosen=(), ignored=()) -> frozenset[str]:
    findings = [rule.finding("m", "l", hint="h") for rule in RULES.values()]
    return frozenset(finding.code for finding in select(findings, chosen, ignored))


def _family(*names: str) -> frozenset[str]:
    return frozenset(code for code in ALL if code.startswith(names))


@pytest.mark.parametrize(
    ("chosen", "ignored", "expected"),
    [
        ((), (), ALL),
        (("ROW",), (), _family("ROW")),
        (("row2",), (), _family("ROW")),
        (("ROW201", "TIE"), (), _family("ROW201", "TIE")),
        (("ROW201,TIE",), (), _family("ROW201", "TIE")),
        ((), ("VOC",), ALL - _family("VOC")),
        ((), ("VOC10", "TOK302"), ALL - _family("VOC", "TOK302")),
        (("VOC",), ("VOC101",), _family("VOC") - {"VOC101"}),
        (("VOC101",), ("VOC",), frozenset({"VOC101"})),
        (("VOC",), ("VOC",), frozenset()),
        (("V",), ("VOC", "TIE401"), frozenset()),
    ],
)
def test_beginnings_of_codes(chosen, ignored, expected):
    assert _codes(chosen, ignored) == expected


@pytest.mark.parametrize(
    ("value", "near"), [("ROW9", "ROW"), ("TOK31", "TOK301"), ("", None), ("ROW201,", None), ("XYZ", None)]
)
@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_unknown_codes_are_usage_errors(option, value, near):
    with pytest.raises(UsageError) as caught:
        select((), (value,), ()) if option == "--select" else select((), (), (value,))
    assert caught.value.location == option
    assert caught.value.message.startswith(option)
    assert all(code in caught.value.message for code in RULES)
    assert near is None or f"did you mean {near}" in caught.value.message


def test_the_report_says_what_was_left_out_and_fails_on_the_rest(reports):
    report = reports["untied"]
    assert report.exit_code() == 1
    calm = apply_selection(report, (), ("VOC103", "VOC104", "VOC105", "ROW201", "TOK301"))
    assert calm.exit_code() == 0
    assert calm.exit_code("warning") == 1
    assert calm.complete
    (skip,) = [s for s in calm.coverage.skipped if s.what == "findings"]
    assert skip.why == "6 left out by --select or --ignore: ROW201, TOK301, VOC103, VOC104, VOC105"
    assert not skip.affects


def test_a_selection_that_takes_everything_changes_nothing(reports):
    assert apply_selection(reports["untied"]) is reports["untied"]
    assert apply_selection(reports["demo"], ("ROW", "TOK", "VOC")) is reports["demo"]
