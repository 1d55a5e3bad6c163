"""The tables of a store: documented column by column, filled from reports, read back as they were written."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

import rowscope
from rowscope.inspector.errors import MalformedFileError
from rowscope.inspector.fleet import ROWS, TABLES, VOLATILE, place_of
from rowscope.inspector.fleet.parts import decode, encode
from rowscope.inspector.fleet.records import failure_of, records_of
from rowscope.inspector.fleet.tables import to_table

pytest.importorskip("pyarrow", reason="extra table")

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "fleet.md").read_text(encoding="utf-8")
WHERE = place_of("/zoo/run/checkpoint-500")


@pytest.mark.parametrize("name", [*TABLES, "rows"])
def test_every_column_is_documented_in_its_order(name):
    section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", DOCS, flags=re.MULTILINE | re.DOTALL)
    assert section is not None
    documented = re.findall(r"^\| `(\w+)` \| (\S.*?) \| ", section[1], flags=re.MULTILINE)
    columns = TABLES.get(name, ROWS)
    assert documented == [(column.name, column.type) for column in columns]
    assert {column.name for column in columns} & set(VOLATILE) in (set(), set(VOLATILE))


def test_a_report_fills_every_column_that_is_not_of_the_run(reports):
    seen = {name: set() for name in TABLES}
    for report in reports.values():
        for name, rows in decode(encode(records_of(WHERE, report))).items():
            table = to_table(rows, TABLES[name])
            assert {key for row in rows for key in row} <= set(table.column_names)
            seen[name] |= {at for at in table.column_names if table[at].null_count < len(table)}
    of_the_run = {*VOLATILE, "key", "options", "revision"}
    of_failures = {"error_code", "error_message", "error_location"}
    of_others = {"quantization", "storage"}  # none of these checkpoints is quantised
    missing = {
        column.name for name, columns in TABLES.items() for column in columns if column.name not in seen[name]
    }
    assert missing == of_the_run | of_failures | of_others


def test_numbers_are_those_of_the_report(reports):
    report = reports["demo"]
    (row,) = decode(encode(records_of(WHERE, report)))["checkpoints"]
    assert (row["series"], row["model"], row["step"], row["status"]) == ("/zoo/run", "run", 500, "audited")
    assert (row["rows"], row["reserved"], row["used"]) == (4096, 88, 4008)
    assert row["untrained_used_rows"] == report.matrices[0].groups["used"].verdicts["collapsed"]
    assert row["warnings"] == sum(finding.severity == "warning" for finding in report.findings)


def test_every_finding_token_and_group_has_a_row(reports):
    report = reports["untied"]
    found = decode(encode(records_of(WHERE, report)))
    assert [row["message"] for row in found["findings"]] == [at.message for at in report.findings]
    assert [row["ids"] for row in found["findings"]] == [at.evidence.get("ids") for at in report.findings]
    assert all("ids" not in json.loads(row["evidence"]) for row in found["findings"])
    assert [row["token"] for row in found["special_tokens"]] == [at.token for at in report.special_tokens]
    groups = [(row["tensor"], row["group"], row["rows"]) for row in found["matrices"]]
    expected = [(m.tensor, name, g.stats.rows) for m in report.matrices for name, g in m.groups.items()]
    assert groups == expected
    for row in found["matrices"]:
        assert sum(value for key, value in row.items() if key.startswith("verdict_")) == row["rows"]


def test_where_nothing_tells_untrained_rows_are_null_and_not_zero(reports):
    unsure = {name: report for name, report in reports.items() if report.matrices[0].reference is None}
    for report in unsure.values():
        row = records_of(WHERE, report).checkpoint
        counted = any(
            count
            for matrix in report.matrices
            for verdict, count in matrix.groups["used"].verdicts.items()
            if verdict != "trained"
        )
        assert (row["untrained_used_rows"] is None) == (not counted)
    bare = dataclasses.replace(reports["demo"], matrices=())
    assert records_of(WHERE, bare).checkpoint["untrained_used_rows"] is None


def test_a_failure_is_a_row_of_one_table():
    error = MalformedFileError("bytes \udc80 of 'x'; download it again", location="x")
    found = decode(encode(failure_of(WHERE, error)))
    (row,) = to_table(found["checkpoints"], TABLES["checkpoints"]).to_pylist()
    assert (row["status"], row["error_code"], row["error_location"]) == ("failed", "FIL001", "x")
    assert row["error_message"] == "bytes \\udc80 of 'x'; download it again"
    assert found["matrices"] == found["findings"] == found["special_tokens"] == []


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_half_a_part_is_none(reports, keep):
    assert decode(encode(records_of(WHERE, reports["demo"]))[:keep]) is None


PLACES = {
    "/a/run/checkpoint-5": ("/a/run", "run", 5),
    "/a/run/step_00020": ("/a/run", "run", 20),
    "/a/run/global_step30": ("/a/run", "run", 30),
    "/a/run": ("/a/run", "run", None),
    "/a/checkpoint-final": ("/a/checkpoint-final", "checkpoint-final", None),
    "/a/run/checkpoint-5/model.safetensors": ("/a/run", "run", 5),
    "/a/x/one.safetensors": ("/a/x/one.safetensors", "x/one.safetensors", None),
    "/c/models--org--name/snapshots/abc": ("/c/models--org--name", "org/name", None),
    "hf://org/name@step1000": ("hf://org/name", "org/name", 1000),
    "hf://org/name/checkpoint-7": ("hf://org/name", "org/name", 7),
    "s3://bucket/run/checkpoint-9/": ("s3://bucket/run", "run", 9),
    "org/name@step3": ("org/name", "org/name", 3),
    "demo": ("demo", "demo", None),
}


@pytest.mark.parametrize("path", PLACES)
def test_series_and_step_of_a_path(path):
    place = place_of(path)
    assert (place.series, place.model, place.step) == PLACES[path]


def test_only_a_commit_is_pinned():
    assert place_of(f"hf://org/name@{'a' * 40}").pinned
    assert not place_of("hf://org/name@main").pinned
    assert not place_of("hf://org/name").pinned
    assert not place_of(f"org/name@{'a' * 40}").pinned


def test_the_public_names_are_there():
    assert rowscope.inspector.fleet.STORE_VERSION == "1"
