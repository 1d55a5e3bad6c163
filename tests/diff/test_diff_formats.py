"""A comparison as text, JSON, CSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import io
import json
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from numpy.testing import assert_allclose

from rowscope.inspector.diff import diff
from rowscope.inspector.diff.rows import COLUMNS, row_columns
from rowscope.inspector.errors import MissingExtraError
from rowscope.inspector.render.diff.formats import render_diff
from rowscope.inspector.render.diff.text import render_diff_text

EMBEDDING = "model.embed_tokens.weight"
CONFIG = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}
HOSTILE = "a\x1b[31m\n\u202e,\"'"


@pytest.fixture
def result(tmp_path, write_checkpoint):
    values = np.random.default_rng(0).normal(size=(16, 4)).astype("f4")
    tokens = {"<unk>": 0, HOSTILE: 1, "[unused1]": 2, "</s>": 3}
    base = write_checkpoint(tmp_path / "base", {EMBEDDING: values}, CONFIG, tokens, ("</s>",))
    values = values.copy()
    values[1] += 1
    values[5, 0] = np.nan
    values[9] = 0
    renamed = {"<unk>": 0, HOSTILE: 1, HOSTILE + "2": 2, "</s>": 3}
    tuned = write_checkpoint(tmp_path / "tuned", {EMBEDDING: values}, CONFIG, renamed, ("</s>",))
    return diff(base, tuned, expect_unchanged="0:4")


def test_json_is_one_document_without_nan(result):
    document = json.loads(render_diff(result, "json"))
    assert document["schema_version"] == "1"
    assert document["tool"]["name"] == "rowscope"
    assert document["exit_code"] == 1
    (matrix,) = document["matrices"]
    assert matrix["common_rows"] == 16
    assert matrix["total"]["changed"] == 3
    assert set(matrix["groups"]["tuned"]) == {"used", "reserved", "unmapped", "added", "base"}
    assert set(matrix["groups"]["base"]) == {"used", "reserved", "unmapped", "placeholder", "added", "base"}
    assert [row["id"] for row in matrix["drifted_reserved"]] == [5, 9]
    assert matrix["drifted_reserved"][0]["distance"] is None
    assert document["findings"][0]["evidence"]["ids"] == [1]
    assert document["expected_unchanged"] == [[0, 4]]


def test_csv_and_json_lines_hold_the_same_rows(result):
    rows = [json.loads(line) for line in render_diff(result, "jsonl").splitlines()]
    table = list(csv.DictReader(io.StringIO(render_diff(result, "csv"))))
    assert len(rows) == len(table) == 16
    assert list(rows[0]) == list(table[0]) == list(COLUMNS)
    assert [row["id"] for row in rows] == list(range(16))
    assert rows[1]["token"] == table[1]["token"] == HOSTILE
    assert rows[5]["distance"] is None
    assert table[5]["distance"] == ""
    assert rows[9]["cosine"] is None
    assert [row["identical"] for row in rows].count(False) == 3
    assert_allclose(float(table[1]["distance"]), rows[1]["distance"], rtol=0)
    assert rows[2]["base_group"] == "placeholder"
    assert rows[2]["group"] == "base"


def test_changed_rows_alone(result):
    changed = [json.loads(line) for line in render_diff(result, "jsonl", changed_only=True).splitlines()]
    assert [row["id"] for row in changed] == [1, 5, 9]
    assert list(row_columns(result, changed_only=True)["id"]) == [1, 5, 9]


def test_parquet_is_read_by_others(result, tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(render_diff(result, "parquet"))
    table = pyarrow.parquet.read_table(path)
    assert table.column_names == list(COLUMNS)
    frame = pd.read_parquet(path)
    expected = result.matrices[0].table
    assert_allclose(frame["distance"], expected.distance)
    assert list(frame["token"][:2]) == ["<unk>", HOSTILE]
    assert frame["token"].isna().sum() == 12
    assert frame["identical"].dtype == bool


def test_parquet_without_pyarrow_names_the_extra(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"rowscope\[table\]"):
        render_diff(result, "parquet")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_text_fits_and_hides_nothing(result, width):
    text = render_diff_text(result, width=width)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "a\\x1b[31m" in text
    assert "DIF501" in text
    assert "exit 1" in text
    tables = [line for line in text.splitlines() if line.startswith("  ") and "/" not in line]
    assert all(len(line) <= width for line in tables)


def test_text_of_an_expectation_that_holds(tmp_path, write_checkpoint):
    values = np.ones((16, 4), "f4")
    base = write_checkpoint(tmp_path / "base", {EMBEDDING: values}, CONFIG)
    text = render_diff_text(diff(base, base, expect_unchanged="0:16"))
    assert "every row expected unchanged is" in text
    assert "none of the 16 common rows changed" in text
    assert "exit 0" in text
