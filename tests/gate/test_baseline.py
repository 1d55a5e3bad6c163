"""Baselines: what was accepted is silent, what joined it is reported."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import rowscope
from rowscope.inspector.audit.report import Report
from rowscope.inspector.checks.finding import Finding, id_evidence
from rowscope.inspector.checks.registry import RULES
from rowscope.inspector.errors import UsageError
from rowscope.inspector.gate.baseline import apply_baseline, new_findings, read_baseline, write_baseline
from rowscope.inspector.gate.identity import fingerprint

AUDIT = json.loads((Path(__file__).parents[2] / "docs" / "schema" / "audit.schema.json").read_text())
NAMES = ("demo", "untied", "beyond", "twice", "headless", "partial", "claimed")


def _with(report: Report, *findings: Finding) -> Report:
    return dataclasses.replace(report, findings=findings)


def _ids(finding: Finding, ids: list[int]) -> Finding:
    return dataclasses.replace(
        finding, evidence={**finding.evidence, **id_evidence(np.array(ids, dtype=np.int64))}
    )


def _finding(code: str, location: str = "m.weight[1:3]", **evidence: Any) -> Finding:
    return RULES[code].finding("Message.", location, hint="Hint.", evidence=evidence)


def _round_trip(report: Report, path: Path) -> Any:
    path.write_text(write_baseline(report))
    return read_baseline(path)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_new_against_the_own_baseline(reports, name, tmp_path):
    report = reports[name]
    baseline = _round_trip(report, tmp_path / "b.json")
    assert new_findings(report.findings, baseline) == ()
    silent = apply_baseline(report, baseline)
    assert silent.exit_code("note", allow_partial=True) == 0
    # A baseline does not make a partial audit complete.
    assert silent.exit_code() == (0 if report.complete else 3)
    notes = [skip.why for skip in silent.coverage.skipped if skip.what == "findings"]
    assert notes == ([f"{len(report.findings)} are in the baseline"] if report.findings else [])


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_new_against_an_empty_baseline(reports, name, tmp_path):
    report = reports[name]
    baseline = _round_trip(_with(report), tmp_path / "b.json")
    assert new_findings(report.findings, baseline) == report.findings
    assert apply_baseline(report, baseline) is report


def test_a_baseline_is_the_same_from_another_folder_and_another_run(checkpoint_folders, tmp_path, reports):
    for name, folder in checkpoint_folders.items():
        moved = tmp_path / name
        moved.symlink_to(folder)
        assert write_baseline(rowscope.audit(moved)) == write_baseline(reports[name])


def test_a_grown_id_set_is_new_and_says_what_is_new(reports, tmp_path):
    report = reports["demo"]
    finding = next(f for f in report.findings if f.code == "TOK302")
    ids = sorted(finding.evidence["ids"])
    baseline = _round_trip(_with(report, _ids(finding, ids[3:])), tmp_path / "b.json")
    (new,) = new_findings([finding], baseline)
    assert new.evidence["new_since_baseline"]["ids"] == ids[:3]
    assert new.evidence["new_since_baseline"]["count"] == 3
    assert new.message.startswith(finding.message)
    assert "New since the baseline: 3 of these ids" in new.message
    assert new_findings([_ids(finding, ids[3:20])], baseline) == ()
    document = _with(report, new).to_dict()
    assert [e.message for e in Draft202012Validator(AUDIT).iter_errors(document)] == []


def test_new_tokens_bring_their_own_severity(reports, tmp_path):
    finding = next(f for f in reports["untied"].findings if f.code == "TOK301")
    assert [token["severity"] for token in finding.evidence["tokens"]] == ["error", "warning"]
    assert finding.severity == "error"
    baseline = _round_trip(_with(reports["untied"], _ids(finding, [94])), tmp_path / "b.json")
    (new,) = new_findings([finding], baseline)
    assert new.severity == "warning"
    assert new.evidence["new_since_baseline"]["ids"] == [95]


def test_a_raised_severity_is_new(reports, tmp_path):
    finding = _finding("TOK301", count=1, ids=[3])
    baseline = _round_trip(_with(reports["demo"], finding), tmp_path / "b.json")
    (new,) = new_findings([dataclasses.replace(finding, severity="error")], baseline)
    assert "its severity rose from warning" in new.message
    assert new_findings([dataclasses.replace(finding, severity="note")], baseline) == ()


def test_changed_numbers_are_new_where_the_finding_is_not_about_ids(reports, tmp_path):
    finding = _finding("VOC103", "config.json: vocab_size", config_vocab_size=10, rows=9)
    baseline = _round_trip(_with(reports["demo"], finding), tmp_path / "b.json")
    changed = dataclasses.replace(finding, evidence={"config_vocab_size": 11, "rows": 9})
    assert len(new_findings([changed], baseline)) == 1
    assert new_findings([dataclasses.replace(finding, message="Reworded.")], baseline) == ()


def test_another_tensor_and_another_code_are_new(reports, tmp_path):
    finding = _finding("ROW201", "a.weight[3]", count=1, ids=[3])
    baseline = _round_trip(_with(reports["demo"], finding), tmp_path / "b.json")
    assert new_findings([dataclasses.replace(finding, location="b.weight[3]")], baseline)
    assert new_findings([dataclasses.replace(finding, code="ROW202")], baseline)
    assert not new_findings([dataclasses.replace(finding, location="a.weight[3:4]")], baseline)


def test_several_findings_of_one_key_are_accepted_together(reports, tmp_path):
    pair = [_finding("VOC105", "config.json: eos_token_id", count=1, ids=[id]) for id in (900, 901)]
    baseline = _round_trip(_with(reports["demo"], *pair), tmp_path / "b.json")
    assert new_findings(pair, baseline) == ()
    assert new_findings([_ids(pair[0], [902])], baseline)


def test_of_cut_lists_the_count_decides(reports, tmp_path):
    finding = _ids(_finding("ROW201"), list(range(20_000)))
    assert len(finding.evidence["ids"]) == 10_000
    baseline = _round_trip(_with(reports["demo"], finding), tmp_path / "b.json")
    other = _ids(finding, list(range(5, 20_005)))
    assert new_findings([other], baseline) == ()
    assert new_findings([_ids(finding, list(range(5, 20_006)))], baseline)


@given(old=st.sets(st.integers(0, 300)), new=st.sets(st.integers(0, 300), min_size=1))
def test_new_ids_are_the_difference_of_the_sets(reports, tmp_path_factory, old, new):
    template = _finding("ROW202")
    known = _round_trip(
        _with(reports["demo"], _ids(template, sorted(old))),
        tmp_path_factory.getbasetemp() / "hypothesis.json",
    )
    found = new_findings([_ids(template, sorted(new))], known)
    assert bool(found) == bool(new - old)
    if found:
        assert found[0].evidence["new_since_baseline"]["ids"] == sorted(new - old)


@given(st.lists(st.integers(0, 50), unique=True))
def test_a_fingerprint_does_not_depend_on_the_order_of_ids(ids):
    finding = _finding("TOK302", count=len(ids), ids=ids)
    assert fingerprint(finding) == fingerprint(_finding("TOK302", count=len(ids), ids=sorted(ids)))


def _entry(rest: str) -> str:
    entry = f'{{"code": "ROW201", "subject": "a", "evidence": null, {rest}}}'
    return f'{{"schema_version": "1", "findings": [{entry}]}}'


def test_a_whole_entry_is_read(tmp_path):
    (tmp_path / "b.json").write_text(_entry('"severity": "note", "count": 1, "ids": [[3, 4]]'))
    assert read_baseline(tmp_path / "b.json")["ROW201", "a"].ids == ((3, 4),)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "{}", '{"schema_version": "2", "findings": []}', '{"schema_version": "1"}',
        '{"schema_version": "1", "findings": {}}', '{"schema_version": "1", "findings": [3]}',
        '{"schema_version": "1", "findings": [{"code": "ROW201"}]}',
        _entry('"severity": "bad", "count": 1, "ids": []'),
        _entry('"severity": "note", "count": 1, "ids": [[3, 3]]'),
        _entry('"severity": "note", "count": 1, "ids": [[0, 1e99]]'),
        _entry('"severity": "note", "count": true, "ids": []'),
        _entry('"severity": "note", "count": 1, "ids": 3'),
        _entry('"severity": ["note"], "count": 1, "ids": []'),
        "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_baseline_is_a_usage_error(tmp_path, text):
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_baseline(path)
    assert caught.value.location == str(path)
    assert caught.value.exit_code == 2


def test_a_missing_file_or_a_folder_is_a_usage_error(tmp_path):
    for path in (tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(UsageError, match="--baseline"):
            read_baseline(path)


def test_a_baseline_may_name_any_range_without_costing_memory(tmp_path, reports):
    entry = {"code": "ROW202", "subject": "m.weight", "severity": "warning", "count": 2**62, "evidence": None}
    body = {"schema_version": "1", "findings": [{**entry, "ids": [[0, 2**62]]}]}
    (tmp_path / "b.json").write_text(json.dumps(body))
    assert new_findings([_ids(_finding("ROW202"), [5, 7])], read_baseline(tmp_path / "b.json")) == ()
