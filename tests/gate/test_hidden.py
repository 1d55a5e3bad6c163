"""What selection and baseline leave out is counted wherever the report is shown."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from rowscope.inspector.gate import FORMATS, apply_baseline, apply_selection, read_baseline, write_baseline
from rowscope.inspector.render.audit import brief_lines, render_report


def test_counts_are_those_of_the_findings_left_out(reports):
    whole = reports["untied"]
    report = apply_selection(whole, ["ROW"], ["ROW201"])
    (hidden,) = report.hidden
    gone = Counter(f.severity for f in whole.findings if f not in report.findings)
    assert {"error": hidden.error, "warning": hidden.warning, "note": hidden.note} == {
        level: gone[level] for level in ("error", "warning", "note")
    }
    assert hidden.count == len(whole.findings) - len(report.findings)
    assert set(hidden.codes) == {f.code for f in whole.findings} - {f.code for f in report.findings}
    assert report.to_dict()["hidden"] == [
        {
            "by": "--select or --ignore",
            "error": hidden.error,
            "warning": hidden.warning,
            "note": hidden.note,
            "codes": list(hidden.codes),
            "count": hidden.count,
        }
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_says_so(reports, tmp_path, format):
    path = tmp_path / "known.json"
    path.write_text(write_baseline(reports["demo"]))
    report = apply_selection(reports["demo"], ignored=["ROW203"])
    report = apply_baseline(report, read_baseline(path))
    assert [part.by for part in report.hidden] == ["--select or --ignore", "the baseline"]
    written = render_report(report, format, exit_code=0)
    text = " ".join(written.replace("\\", "").split())
    if format == "json":
        counted = [(part["by"], part["count"]) for part in json.loads(written)["hidden"]]
        assert counted == [("--select or --ignore", 1), ("the baseline", 5)]
    elif format == "sarif":
        assert "1 left out by --select or --ignore: ROW203" in text
        assert "5 are in the baseline" in text
    else:
        assert "idden by --select or --ignore: 1 warning (" in text
        assert "idden by the baseline: 1 warning, 4 notes (" in text


def test_nothing_hidden_nothing_said(reports):
    report = apply_selection(reports["demo"], [], [])
    assert report.hidden == ()
    for format in FORMATS:
        assert "idden by" not in render_report(report, format, exit_code=0)


def test_a_clean_brief_report_does_not_hide_that_it_is_one_by_selection(reports):
    report = apply_selection(reports["demo"], ignored=["ROW", "TOK"])
    text = [line.text for line in brief_lines(report, exit_code=0)]
    assert sum("hidden by" in line for line in text) == 2
    at = text.index("no errors, no warnings")
    assert "hidden by" in " ".join(text[at - 2 : at])


def test_the_command_line_says_so(run, tmp_path):
    base = tmp_path / "base.json"
    run("audit", "demo", "--no-config", "--write-baseline", base)
    out = run("audit", "demo", "--no-config", "--baseline", base)[1]
    assert "hidden by the baseline: 2 warnings, 4 notes" in out
    document = json.loads(run("audit", "demo", "--baseline", base, "--format", "json")[1])
    assert document["hidden"][0]["count"] == 6
    assert document["findings"] == []
