"""`rowscope fleet` on the command line: PATHs of every kind, exit codes, other commands' names as paths."""

from __future__ import annotations

import json
import os

import pytest
from tests.fleet.made import checkpoint, zoo

import rowscope
from rowscope.inspector.errors import UsageError
from rowscope.inspector.fleet.expand import expand, read_lists

pytest.importorskip("pyarrow", reason="extra table")


def paths(*given):
    return [place.path for place in expand(given)]


@pytest.fixture
def tree(tmp_path):
    """A zoo: a model, a run with its last weights and two steps, one of them empty, a step below, logs."""
    for name in ("zoo/one", "zoo/run", "zoo/run/checkpoint-10", "zoo/deep/er/two"):
        checkpoint(tmp_path / name, 1)
    for name in ("zoo/run/checkpoint-9", "zoo/run/logs", "zoo/.git", "zoo/only config"):
        (tmp_path / name).mkdir()
    (tmp_path / "zoo" / "only config" / "config.json").write_text("{}")
    return tmp_path


def test_a_folder_stands_for_the_checkpoints_in_it(tree):
    expected = ["deep/er/two", "one", "only config", "run", "run/checkpoint-9", "run/checkpoint-10"]
    assert paths(tree / "zoo") == [str(tree / "zoo" / name) for name in expected]
    assert paths(tree / "zoo" / "one") == [str(tree / "zoo" / "one")]


def test_globs_lists_and_files(tree, monkeypatch):
    monkeypatch.chdir(tree)
    (tree / "list").write_text("# a remark\nzoo/one\n\n zoo/deep/er/two/model.safetensors \n")
    listed = [str(tree / "zoo/deep/er/two/model.safetensors"), str(tree / "zoo/one")]
    assert paths(*read_lists(["list"])) == listed
    assert paths("zoo/o*e", "zoo/one", tree / "zoo/./one") == [str(tree / "zoo/one")]
    assert paths(f"file://{tree}/zoo/one", "demo", "hf://a/b") == [
        str(tree / "zoo/one"),
        "demo",
        "hf://a/b",
    ]
    assert paths("nowhere") == [str(tree / "nowhere")]
    for wrong in ("zoo/x*", "*.md"):
        with pytest.raises(UsageError, match="matches nothing"):
            paths(wrong)
    with pytest.raises(UsageError, match="--list 'gone' cannot be read"):
        read_lists(["gone"])
    with pytest.raises(UsageError, match="no checkpoint given"):
        paths()


def test_the_hub_cache(tmp_path):
    snapshots = tmp_path / "hub" / "models--org--name" / "snapshots"
    checkpoint(snapshots / "abc", 1)
    (tmp_path / "hub" / "models--org--name" / "blobs").mkdir()
    (place,) = expand([tmp_path / "hub"])
    assert (place.path, place.model, place.revision) == (str(snapshots / "abc"), "org/name", "abc")


def test_secrets_of_an_address_are_not_kept():
    (place,) = expand(["https://me:secret@host/run/checkpoint-5?signature=secret"])
    assert place.path == "https://host/run/checkpoint-5"
    assert (place.series, place.step) == ("https://host/run", 5)


def test_links_in_a_circle_end(tree):
    (tree / "zoo" / "deep" / "circle").symlink_to(tree / "zoo")
    assert len(paths(tree / "zoo")) >= 6


def test_the_command(run, tmp_path):
    root = zoo(tmp_path / "zoo", 2)
    code, out, err = run("fleet", root, "--out", tmp_path / "out", "--format", "json", "--workers", "1")
    body = json.loads(out)
    assert (code, err, body["exit_code"]) == (0, "", 0)
    assert (body["audited"], body["unchanged"], body["failed"]) == (2, 0, 0)
    code, out, _ = run("fleet", "run", "--out", tmp_path / "out", root, "--fail-on", "note")
    assert code == 1
    assert "0 audited, 2 unchanged" in out
    code, out, err = run("fleet", root, tmp_path / "gone", "--out", tmp_path / "out", "--workers", "1")
    assert code == 3
    assert f"{tmp_path / 'gone'} [CHECKPOINT] on {os.uname().nodename}: " in err
    assert "failed: 1" in out
    code, out, _ = run("fleet", "status", tmp_path / "out")
    assert (code, "2 audited, 1 failed" in out) == (0, True)


REFUSED = {
    "no store": (["fleet", "demo"], 2, "--out DIR"),
    "no path": (["fleet", "--out", "x"], 2, "no checkpoint given"),
    "an engine": (["fleet", "demo", "--out", "x", "--engine", "slurm"], 2, "use local, shard, ray"),
    "an address": (["fleet", "demo", "--out", "x", "--ray-address", "y"], 2, "of --engine ray"),
    "a time on Ray": (["fleet", "demo", "--out", "x", "--engine", "ray", "--time-limit", "9"], 2, "leave it"),
    "no workers": (["fleet", "demo", "--out", "x", "--workers", "0"], 2, "less than one"),
    "no time": (["fleet", "demo", "--out", "x", "--time-limit", "0"], 2, "no time"),
    "no size": (["fleet", "demo", "--out", "x", "--memory", "much"], 2, "--memory 'much' is no size"),
    "no code": (["fleet", "demo", "--out", "x", "--select", "XYZ"], 2, "XYZ"),
    "no store there": (["fleet", "status", "x"], 5, "no store of a fleet"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals_write_nothing(run, tmp_path, monkeypatch, what):
    words, expected, message = REFUSED[what]
    monkeypatch.chdir(tmp_path)
    code, _, err = run(*words)
    assert (code, message in err) == (expected, True), err
    assert list(tmp_path.iterdir()) == []


def test_examples_of_the_docs_run(tmp_path, monkeypatch):
    """What docs/fleet.md shows for DuckDB, polars and pandas, on a store called `store`."""
    import re
    from pathlib import Path

    for library in ("duckdb", "polars", "pandas"):
        pytest.importorskip(library, reason="reads the store in the examples")
    monkeypatch.chdir(tmp_path)
    rowscope.fleet(["demo", zoo(tmp_path / "zoo", 1)], "store", workers=1)
    text = (Path(__file__).resolve().parents[2] / "docs" / "fleet.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    read = [block for block in blocks if "store/" in block]
    assert len(read) == 3
    for block in read:
        exec(block, {})
