"""SARIF that the official schema accepts and code scanning can place."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft4Validator

from rowscope.inspector.audit.report import Report
from rowscope.inspector.checks.registry import RULES
from rowscope.inspector.render.audit.sarif import render_sarif

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif" / "sarif-2.1.0-rtm.4.json").read_text())
NAMES = ("demo", "untied", "beyond", "twice", "headless", "partial", "claimed")


def _log(report: Report, **more: Any) -> dict[str, Any]:
    log = json.loads(render_sarif(report, exit_code=report.exit_code(), **more))
    assert isinstance(log, dict)
    return log


def _clean(report: Report) -> Report:
    return dataclasses.replace(report, findings=())


def _uris(run: dict[str, Any]) -> list[str]:
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    return [place["artifactLocation"]["uri"] for place in places]


@pytest.mark.parametrize("name", NAMES)
def test_logs_are_valid(reports, name):
    assert [e.message for e in Draft4Validator(SCHEMA).iter_errors(_log(reports[name]))] == []


def test_the_schema_would_refuse_a_wrong_log(reports):
    log = _log(reports["demo"])
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not Draft4Validator(SCHEMA).is_valid(log)


def test_a_clean_run_lists_all_rules_and_an_empty_result_list(reports):
    log = _log(_clean(reports["demo"]))
    run = log["runs"][0]
    assert Draft4Validator(SCHEMA).is_valid(log)
    assert run["results"] == []
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    assert all(len(rule["help"]["text"]) > 200 for rule in run["tool"]["driver"]["rules"])


@pytest.mark.parametrize("name", NAMES)
def test_every_result_has_a_file_and_a_logical_place(reports, name):
    run = _log(reports[name])["runs"][0]
    assert len(run["results"]) == len(reports[name].findings)
    for result, finding in zip(run["results"], reports[name].findings, strict=True):
        (location,) = result["locations"]
        artifact = location["physicalLocation"]["artifactLocation"]
        parts = urlsplit(artifact["uri"])
        assert artifact["uri"]
        assert not parts.scheme
        assert not parts.netloc
        assert not artifact["uri"].startswith("/")
        assert ".." not in parts.path.split("/")
        assert run["artifacts"][artifact["index"]]["location"]["uri"] == artifact["uri"]
        assert location["logicalLocations"][0]["fullyQualifiedName"]
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        assert result["level"] == finding.severity
        assert 0 <= result["rank"] <= 100


def test_findings_point_at_the_file_that_they_are_about(reports):
    run = _log(reports["untied"])["runs"][0]
    files = {(r["ruleId"], uri.rsplit("/", 1)[-1]) for r, uri in zip(run["results"], _uris(run), strict=True)}
    assert ("VOC103", "config.json") in files
    assert ("VOC105", "config.json") in files
    assert ("ROW201", "model.safetensors") in files
    sharded = _log(reports["headless"])["runs"][0]
    assert {
        uri.rsplit("/", 1)[-1]
        for result, uri in zip(sharded["results"], _uris(sharded), strict=True)
        if result["ruleId"] == "FIL002"
    } == {"model.safetensors.index.json"}
    assert "headless" not in json.dumps([r["locations"][0]["logicalLocations"] for r in sharded["results"]])


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("demo", None, "demo/model.safetensors"),
        ("./models/a b", None, "models/a%20b/model.safetensors"),
        ("models/x/model.safetensors", None, "models/x/model.safetensors"),
        ("model.safetensors", None, "model.safetensors"),
        (".", None, "model.safetensors"),
        ("/repo/models/x", "/repo", "models/x/model.safetensors"),
        ("/elsewhere/x", "/repo", "x/model.safetensors"),
        ("../x", None, "x/model.safetensors"),
        ("c:ü#?%/x", None, "c%3A%C3%BC%23%3F%25/x/model.safetensors"),
    ],
)
def test_files_are_addressed_relative_to_the_root(reports, path, root, expected):
    report = reports["demo"]
    moved = dataclasses.replace(report, checkpoint=dataclasses.replace(report.checkpoint, path=path))
    uris = set(_uris(_log(moved, root=root)["runs"][0]))
    assert uris == {expected}
    assert unquote(expected).endswith("model.safetensors")


def test_fingerprints_are_stable_and_tell_results_apart(reports):
    first, second = _log(reports["untied"]), _log(reports["untied"])
    assert first == second
    results = first["runs"][0]["results"]
    for key in ("primaryLocationLineHash", "rowscopeFinding/v1"):
        prints = [result["partialFingerprints"][key] for result in results]
        assert len(set(prints)) == len(prints)
        assert all(re.fullmatch(r"[0-9a-f]{16}(:\d+)?", value) for value in prints)


def test_a_changed_id_set_keeps_the_alert_but_not_the_finding(reports):
    report = reports["demo"]
    finding = next(f for f in report.findings if f.code == "TOK302")
    grown = dataclasses.replace(
        finding, evidence={**finding.evidence, "ids": [*finding.evidence["ids"], 1], "count": 188}
    )
    a, b = (
        _log(dataclasses.replace(report, findings=(item,)))["runs"][0]["results"][0]["partialFingerprints"]
        for item in (finding, grown)
    )
    assert a["primaryLocationLineHash"] == b["primaryLocationLineHash"]
    assert a["rowscopeFinding/v1"] != b["rowscopeFinding/v1"]


def test_properties_carry_confidence_and_counts(reports):
    results = _log(reports["demo"])["runs"][0]["results"]
    found = {result["ruleId"]: result["properties"] for result in results}
    assert found["VOC101"] == {
        "confidence": "high",
        "evidence": {"count": 80, "ranges": [[4016, 4096]]},
    }
    assert found["ROW204"]["evidence"]["pairwise_cosine"] == pytest.approx(0.998208, abs=1e-6)


def test_a_partial_audit_says_so(reports):
    report = reports["partial"]
    run = _log(report)["runs"][0]
    (invocation,) = run["invocations"]
    assert run["properties"]["complete"] is False
    assert invocation["exitCode"] == 3
    assert invocation["executionSuccessful"] is False
    errors = [n for n in invocation["toolExecutionNotifications"] if n["level"] == "error"]
    assert len(errors) == sum(skip.affects for skip in report.coverage.skipped) == 2
