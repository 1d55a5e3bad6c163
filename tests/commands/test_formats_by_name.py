"""The format follows from the name of the file; a name that says another one is refused; several at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

STARTS = {
    "x.html": b"<!doctype html>",
    "x.HTM": b"<!doctype html>",
    "x.md": b"# Vocabulary audit of demo",
    "x.json": b'{\n  "schema_version"',
    "x.sarif": b'{\n  "$schema"',
    "x.sarif.json": b'{\n  "$schema"',
    "x.txt": b"rowscope 0",
    "x": b"rowscope 0",
}


@pytest.mark.parametrize("name", STARTS)
def test_audit_takes_the_format_from_the_name(run, tmp_path, name):
    assert run("audit", "demo", "--no-config", "-o", tmp_path / name)[:2] == (0, "")
    assert (tmp_path / name).read_bytes().startswith(STARTS[name])


@pytest.mark.parametrize("command", ["rows demo --ids 0:3", "suspects demo --limit 3", "diff demo demo"])
@pytest.mark.parametrize(
    ("name", "start"), [("t.csv", b"id,"), ("t.jsonl", b'{"'), ("t.ndjson", b'{"'), ("t.parquet", b"PAR1")]
)
def test_tables_take_it_too(run, tmp_path, command, name, start):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="extra table")
    assert run(*command.split(), "-o", tmp_path / name)[:2] == (0, "")
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize(
    "line",
    [
        "audit demo -o x.parquet",
        "audit demo -o x.csv",
        "audit demo --format json -o x.html",
        "audit demo --format text -o x.json",
        "audit demo --format sarif -o x.md",
        "audit demo --report html=x.json",
        "rows demo --ids 0:3 -o x.sarif",
        "rows demo --ids 0:3 --format csv -o x.parquet",
        "inspect demo -o x.csv",
        "explain ROW203 -o x.html",
        "mask demo --format logit-bias -o x.py",
        "mask demo --format vllm -o x.npy",
        "probe leak demo -o x.csv",
        "study demo --no-model -o x.csv",
    ],
)
def test_a_name_that_says_another_format_is_refused_before_any_work(run, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(*line.split())
    assert code == 2
    assert "in the format" in err
    assert "x." in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "audit demo --format sarif -o x.json",
        "mask demo --format logit-bias -o x.json",
        "mask demo --format vllm -o x.py",
        "mask demo --format xgrammar -o x.npy",
        "mask demo -o x.npy",
        "mask demo -o x.py",
        "study demo --no-model -o x.md",
        "explain ROW203 -o x.md",
        "explain -o x.json",
    ],
)
def test_a_name_that_suits_is_taken(run, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    assert run(*line.split())[:2] == (0, "")
    assert Path(line.split()[-1]).stat().st_size > 0


def test_a_failure_is_told_in_the_format_that_the_name_says(run, tmp_path):
    code, out, _ = run("audit", "nowhere", "-o", tmp_path / "x.json")
    assert (code, json.loads(out)["exit_code"]) == (3, 3)
    assert run("audit", "nowhere", "-o", tmp_path / "x.html")[1] == ""


def test_one_audit_writes_every_format(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {"html": "a.html", "sarif": "b.sarif.json", "json": "c.json", "markdown": "d.md", "text": "e.txt"}
    words = [word for kind, file in files.items() for word in ("--report", f"{kind}={file}")]
    code, out, _ = run("audit", "demo", "--no-config", "--no-timings", *words)
    assert code == 0
    assert out == Path("e.txt").read_text()
    for kind, file in files.items():
        alone = run("audit", "demo", "--no-config", "--no-timings", "--format", kind)[1]
        assert Path(file).read_text() == alone, kind


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--report", "x.html"], "no FORMAT=FILE"),
        (["--report", "html="], "no FORMAT=FILE"),
        (["--report", "pdf=x.pdf"], "'pdf' is not known"),
        (["--report", "html=x.html", "--report", "html=./x.html"], "write over"),
        (["-o", "x.json", "--report", "json=x.json"], "write over what --output writes"),
    ],
)
def test_a_wrong_report_is_refused_before_any_work(run, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    code, _, err = run("audit", "demo", *words)
    assert code == 2
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_the_name_goes_before_the_settings_and_the_option_before_both(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("rowscope.toml").write_text('format = "json"\n')
    run("audit", "demo", "-o", "x.md")
    assert Path("x.md").read_text().startswith("# Vocabulary audit")
    run("audit", "demo", "-o", "plain")
    assert json.loads(Path("plain").read_text())["exit_code"] == 0
    assert run("audit", "demo", "--format", "markdown")[1].startswith("# Vocabulary audit")
