"""The command line as a user meets it: output, streams, exit codes, files."""

import csv
import io
import json
import subprocess
import sys

import pytest


def test_audit_text_fits_eighty_columns(run):
    code, out, err = run("audit", "demo")
    assert (code, err) == (0, "")
    assert "[4008, 4096)" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out


def test_audit_json_is_one_document(run):
    code, out, _ = run("audit", "demo", "--format", "json")
    document = json.loads(out)
    assert (code, document["exit_code"], document["complete"]) == (0, 0, True)
    assert document["census"]["reserved"]["ranges"] == [[4008, 4096]]


def test_fail_on_changes_the_exit_code_and_says_so(run):
    code, out, _ = run("audit", "demo", "--fail-on", "warning", "--format", "json")
    assert code == json.loads(out)["exit_code"] == 1


def test_output_goes_to_a_file(run, tmp_path):
    target = tmp_path / "report.md"
    code, out, _ = run("audit", "demo", "--format", "markdown", "--output", target)
    assert (code, out) == (0, "")
    assert target.read_text().startswith("# Vocabulary audit of demo")
    assert list(tmp_path.iterdir()) == [target]


def test_output_that_cannot_be_written_is_refused(run, tmp_path):
    code, _, err = run("audit", "demo", "--output", tmp_path / "no" / "folder")
    assert code == 5
    assert "cannot write" in err


@pytest.mark.parametrize("words", [["audit", "nowhere"], ["rows", "nowhere"], ["inspect", "nowhere"]])
def test_a_missing_checkpoint_is_one_line_and_exit_3(run, words):
    code, out, err = run(*words)
    assert (code, out) == (3, "")
    assert err.count("\n") == 1
    assert "'nowhere'" in err
    code, out, _ = run(*words, "--format", "json")
    document = json.loads(out)
    assert (code, document["exit_code"], document["schema_version"]) == (3, 3, "1")
    assert set(document["error"]) == {"code", "message", "location"}


@pytest.mark.parametrize(
    "words",
    [
        ["audit"],
        ["audit", "demo", "--nonsense"],
        ["audit", "demo", "--format", "nonsense"],
        ["audit", "demo", "--fail-on", "nonsense"],
        ["rows", "demo", "--ids", "5-7"],
        ["rows", "demo", "--ids", "4096"],
        ["rows", "demo", "--token", "no such token"],
        ["rows", "demo", "--group", "nonsense"],
        ["rows", "demo", "--matrix", "nonsense"],
        ["suspects", "demo", "--group", "nonsense"],
    ],
)
def test_usage_errors_exit_2(run, words):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err
    code, out, _ = run(*words, "--format", "json")
    if "--format" not in words:
        assert (code, json.loads(out)["exit_code"]) == (2, 2)


def test_rows_formats_agree(run, tmp_path):
    _, text, _ = run("rows", "demo", "--ids", "0:3,4090:")
    assert len([line for line in text.splitlines() if line[:4].strip().isdigit()]) == 9
    _, out, _ = run("rows", "demo", "--ids", "0:3,4090:", "--format", "json")
    records = json.loads(out)["rows"]
    assert [record["id"] for record in records] == [0, 1, 2, *range(4090, 4096)]
    _, out, _ = run("rows", "demo", "--ids", "0:3,4090:", "--format", "jsonl")
    assert [json.loads(line) for line in out.splitlines()] == records
    _, out, _ = run("rows", "demo", "--ids", "0:3,4090:", "--format", "csv")
    table = list(csv.DictReader(io.StringIO(out)))
    assert [float(row["norm"]) for row in table] == [record["norm"] for record in records]
    parquet = pytest.importorskip("pyarrow.parquet", reason="extra table")
    run("rows", "demo", "--ids", "0:3,4090:", "--format", "parquet", "--output", tmp_path / "rows.parquet")
    assert parquet.read_table(tmp_path / "rows.parquet")["norm"].to_pylist() == [r["norm"] for r in records]


def test_rows_by_token_and_group(run):
    _, out, _ = run("rows", "demo", "--token", "<|im_end|>", "--group", "placeholder", "--format", "json")
    assert [record["id"] for record in json.loads(out)["rows"]] == [4002, *range(4008, 4016)]
    _, out, _ = run("rows", "demo", "--token", " the", "--format", "json")
    assert [record["token"] for record in json.loads(out)["rows"]] == ["Ġthe"]


def test_rows_without_evidence_and_without_a_tokenizer(run, tmp_path):
    import rowscope

    source = rowscope.open_checkpoint("demo").root / "model.safetensors"
    (tmp_path / "model.safetensors").write_bytes(source.read_bytes())
    code, out, _ = run("rows", tmp_path / "model.safetensors", "--ids", "0:2", "--no-evidence", "-f", "json")
    assert code == 0
    records = json.loads(out)["rows"]
    assert "verdict" not in records[0]
    assert records[0]["token"] is None


@pytest.mark.parametrize("evidence", ["--evidence", "--no-evidence"])
def test_rows_read_the_tokenizer_once(run, monkeypatch, evidence):
    from rowscope.inspector.listing import choose

    roots = []

    def counting(root):
        roots.append(root)
        return read(root)

    read = choose.read_vocabulary
    monkeypatch.setattr(choose, "read_vocabulary", counting)
    code, out, _ = run("rows", "demo", "--group", "reserved", evidence, "--format", "csv")
    assert (code, len(out.splitlines()), len(roots)) == (0, 89, 1)


def test_suspects(run):
    code, out, _ = run("suspects", "demo", "--limit", "0", "--format", "json")
    document = json.loads(out)
    assert code == 0
    assert document["total"] == len(document["suspects"]) > 100
    assert {row["verdict"] for row in document["suspects"]} == {"collapsed"}
    _, out, _ = run("suspects", "demo", "--limit", "3", "--format", "csv")
    assert len(list(csv.DictReader(io.StringIO(out)))) == 3
    _, out, _ = run("suspects", "demo", "--limit", "3", "--format", "jsonl")
    assert [json.loads(line) for line in out.splitlines()] == document["suspects"][:3]
    _, out, _ = run("suspects", "demo", "--limit", "3")
    assert "more: --limit 0 lists all" in out


def test_suspects_as_parquet(run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="extra table")
    run("suspects", "demo", "--limit", "3", "--format", "parquet", "--output", tmp_path / "s.parquet")
    table = parquet.read_table(tmp_path / "s.parquet")
    assert table["verdict"].to_pylist() == ["collapsed"] * 3
    run(
        "suspects",
        "demo",
        "--group",
        "added",
        "--limit",
        "1",
        "-f",
        "parquet",
        "-o",
        tmp_path / "one.parquet",
    )
    assert parquet.read_table(tmp_path / "one.parquet").column_names == table.column_names


def test_reachability(run):
    pytest.importorskip("tokenizers", reason="extra tokenizer")
    code, out, _ = run("audit", "demo", "--reachability", "--format", "json")
    document = json.loads(out)
    assert code == 0
    assert "TOK303" in [finding["code"] for finding in document["findings"]]
    assert "reachability" not in [skip["what"] for skip in document["coverage"]["skipped"]]


def test_a_reader_that_leaves_is_no_error():
    words = [sys.executable, "-m", "rowscope", "rows", "demo", "--format", "csv"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(100)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0


def test_colours_on_a_terminal_only():
    import os
    import pty

    words = [sys.executable, "-m", "rowscope", "audit", "demo"]

    def on_a_terminal(**more):
        parent, child = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", **more}
        process = subprocess.Popen(words, stdout=child, stderr=subprocess.DEVNULL, env=environment)
        os.close(child)
        seen = b""
        try:
            while data := os.read(parent, 65536):
                seen += data
        except OSError:
            pass  # Linux: the other end is closed
        assert process.wait() == 0
        os.close(parent)
        return seen

    assert b"\x1b[1" in on_a_terminal()
    assert b"\x1b[3" not in on_a_terminal(NO_COLOR="1")
