"""Tables go to Arrow, pandas, polars and readers of Arrow streams; results show themselves in a line."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import rowscope
from rowscope.inspector.errors import MissingExtraError, RefusedError, UsageError
from rowscope.inspector.frames import html_table

TABLES = {
    "rows": lambda: rowscope.row_table("demo", ids=range(3990, 4020), evidence=True),
    "bits": lambda: rowscope.row_table("demo", ids=range(5)),
    "no rows": lambda: rowscope.row_table("demo", ids=[], evidence=True),
    "suspects": lambda: rowscope.find_suspects("demo", group="all", limit=30),
    "no suspects": lambda: rowscope.find_suspects("demo", group="placeholder", limit=0),
    "diff": lambda: rowscope.diff("demo", "demo"),
}


@pytest.fixture(scope="module")
def tables():
    return {name: make() for name, make in TABLES.items()}


def plain(values) -> list[object]:
    return [None if value is None or value != value else value for value in values]


@pytest.mark.parametrize("name", TABLES)
def test_to_arrow_pandas_and_polars_hold_the_columns(tables, name):
    pyarrow = pytest.importorskip("pyarrow", reason="extra table")
    table = tables[name]
    arrow, frame = table.to_arrow(), table.to_pandas()
    assert arrow.column_names == list(frame.columns) == list(table.columns)
    assert arrow.num_rows == len(frame) == len(table)
    for column, values in table.columns.items():
        assert plain(arrow[column].to_pylist()) == plain(values.tolist()), column
        assert plain(frame[column].tolist()) == plain(values.tolist()), column
        assert not pyarrow.types.is_null(arrow[column].type), column
    polars = pytest.importorskip("polars", reason="extra polars")
    assert table.to_polars().columns == arrow.column_names
    assert polars.DataFrame(table).equals(table.to_polars())


@pytest.mark.parametrize("name", TABLES)
def test_the_stream_protocol_is_read_by_others(tables, name):
    pyarrow = pytest.importorskip("pyarrow", reason="extra table")
    read = pyarrow.RecordBatchReader.from_stream(tables[name]).read_all()
    assert read.equals(tables[name].to_arrow())


def test_whether_a_suspect_is_reachable_is_a_flag(tables):
    pyarrow = pytest.importorskip("pyarrow", reason="extra table")
    assert pyarrow.types.is_boolean(tables["suspects"].to_arrow().schema.field("reachable").type)


@pytest.mark.parametrize(
    ("call", "package"),
    [
        ("to_arrow", "pyarrow"),
        ("to_pandas", "pandas"),
        ("to_polars", "polars"),
        ("__arrow_c_stream__", "pyarrow"),
    ],
)
@pytest.mark.parametrize("name", ["rows", "suspects", "diff"])
def test_without_the_library_the_extra_is_named(tables, monkeypatch, name, call, package):
    import sys

    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'rowscope\[(table|polars)\]'"):
        getattr(tables[name], call)()


RESULTS = {
    **TABLES,
    "report": lambda: rowscope.audit("demo"),
    "census": lambda: rowscope.audit("demo").census,
    "mask": lambda: rowscope.mask("demo"),
    "checkpoint": lambda: rowscope.open_checkpoint("demo"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_a_line(name):
    text = repr(RESULTS[name]())
    assert text.startswith("<")
    assert "\n" not in text
    assert len(text) < 300


def test_tables_in_a_notebook_hold_no_markup(tables):
    text = tables["rows"]._repr_html_()
    assert text.count("<tr>") == 21
    assert "30 rows; the first 20 are shown" in text
    evil = {
        "token": np.array(["<script>alert(1)</script>\x1b[31m"], dtype=object),
        "norm": np.array([np.nan]),
    }
    shown = html_table(evil)
    assert "<script" not in shown
    assert "\x1b" not in shown
    assert html_table({}) == "<table><thead><tr></tr></thead><tbody></tbody></table>"


def test_a_report_in_a_notebook(reports):
    text = reports["untied"]._repr_html_()
    assert text.count("<details>") == len(reports["untied"].findings)
    assert "partial" in reports["partial"]._repr_html_()
    assert "<script" not in text


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.html", "<!doctype html>"),
        ("a.md", "# Vocabulary audit"),
        ("a.sarif", '{\n  "$schema"'),
        ("a.json", '{\n  "schema_version"'),
        ("a.txt", "rowscope 0"),
    ],
)
def test_a_report_is_saved_in_the_format_of_its_name(reports, tmp_path, name, start):
    report = reports["demo"]
    report.save(tmp_path / name)
    text = (tmp_path / name).read_text()
    assert text.startswith(start)
    known = {"a.html": report.to_html, "a.md": report.to_markdown, "a.sarif": report.to_sarif}
    assert name not in known or text == known[name]()
    report.save(tmp_path / "plain", format="markdown")
    assert (tmp_path / "plain").read_text() == report.to_markdown()


def test_a_name_that_says_no_report_is_refused(reports, tmp_path):
    for name in ("report", "report.csv", "report.parquet"):
        with pytest.raises(UsageError, match="report"):
            reports["demo"].save(tmp_path / name)
    with pytest.raises(UsageError, match="pdf"):
        reports["demo"].save(tmp_path / "x", format="pdf")
    with pytest.raises(RefusedError, match="another path"):
        reports["demo"].save(tmp_path / "no" / "x.html")
    assert list(tmp_path.iterdir()) == []


def test_the_documents_of_a_report_exit_as_it_does(reports):
    report = reports["untied"]
    assert f"exit code {report.exit_code()}" in report.to_markdown()
    assert_array_equal(report.exit_code(), 1)
