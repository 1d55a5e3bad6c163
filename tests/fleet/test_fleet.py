"""A zoo with broken checkpoints and one that kills its worker, on every engine; what a second run costs."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tests.fleet.made import CODES, FAULTS, KILLER, checkpoint, content, with_killer, zoo

import rowscope
from rowscope.inspector.errors import MissingExtraError, RefusedError, UsageError
from rowscope.inspector.fleet import AuditOptions, fleet_status

pytest.importorskip("pyarrow", reason="extra table")

SIZE = 200


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """200 checkpoints: 194 good ones, 5 broken ones, one that kills who reads it."""
    return zoo(tmp_path_factory.mktemp("large"), SIZE, tuple(FAULTS), killer=True)


@pytest.fixture
def small(tmp_path):
    return zoo(tmp_path / "small", 4)


def check_engine(large, out, monkeypatch, tmp_path, engine, **more):
    """What must hold on every engine."""
    with_killer(monkeypatch, tmp_path / "hook")
    run = rowscope.fleet(large, out, engine, workers=2, **more)
    assert (run.checkpoints, run.audited, run.unchanged) == (SIZE, SIZE - 6, 0)
    named = {failure.path.rpartition("/")[2].removeprefix("broken "): failure for failure in run.failures}
    assert set(named) == {*FAULTS, KILLER}
    assert {fault: named[fault].code for fault in CODES} == CODES
    assert named[KILLER].code == "WORKER_LOST"
    assert all(failure.host and failure.message for failure in run.failures)
    assert run.exit_code() == 3
    table = run.table("checkpoints").to_pylist()
    assert len(table) == SIZE
    assert {row["status"] for row in table} == {"audited", "failed"}
    again = rowscope.fleet(large, out, engine, workers=2, **more)
    assert (again.audited, again.unchanged, again.failures) == (0, SIZE, run.failures)
    path = large / "model-7" / "model.safetensors"
    before = path.read_bytes()
    try:
        tensors = load_file(path)
        tensors["model.embed_tokens.weight"][3] = 0  # another row, the same header
        save_file(tensors, path)
        assert rowscope.fleet(large, out, engine, workers=2, **more).audited == 1
        changed = content(out)["matrices"]
    finally:
        path.write_bytes(before)
    used = [row for row in changed if row["path"].endswith("model-7") and row["group"] == "used"]
    assert [row["verdict_zero"] for row in used] == [1]


def test_local(large, tmp_path, monkeypatch):
    check_engine(large, tmp_path / "out", monkeypatch, tmp_path, "local")


def test_ray(large, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="extra ray")
    with_killer(monkeypatch, tmp_path / "hook")  # Ray's workers start as its node did
    try:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
        check_engine(large, tmp_path / "out", monkeypatch, tmp_path, "ray")
    finally:
        ray.shutdown()


def test_without_ray_the_message_names_the_extra(small, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"rowscope\[ray\]"):
        rowscope.fleet(small, tmp_path / "out", "ray")


def test_the_store_holds_what_audits_of_each_say(small, tmp_path):
    rowscope.fleet(small, tmp_path / "out", workers=1)
    for row in content(tmp_path / "out")["checkpoints"]:
        report = rowscope.audit(row["path"])
        assert (row["rows"], row["reserved"], row["tied"]) == (48, 8, True)
        assert row["summary"] == list(report.summary)
        assert row["bytes"] == report.checkpoint.bytes


def test_retry_failed_tries_what_failed_alone(tmp_path):
    root = zoo(tmp_path / "zoo", 3, ("no header",))
    assert len(rowscope.fleet(root, tmp_path / "out", workers=1).failures) == 1
    again = rowscope.fleet(root, tmp_path / "out", workers=1, retry_failed=True)
    assert (again.audited, again.unchanged, len(again.failures)) == (0, 2, 1)
    assert again.to_dict()["failed"] == 1
    shutil.rmtree(root / "broken no header")
    checkpoint(root / "broken no header", 5)  # mended: its files changed, so that nobody has to ask
    mended = rowscope.fleet(root, tmp_path / "out", workers=1)
    assert (mended.audited, mended.failures) == (1, ())


def test_content_counts_and_of_weights_their_times(small, tmp_path):
    rowscope.fleet(small, tmp_path / "out", workers=1)
    for name in ("config.json", "tokenizer.json"):  # written again as they were
        path = small / "model-0" / name
        path.write_bytes(path.read_bytes())
        os.utime(path, ns=(1, 2))
    run = rowscope.fleet(small, tmp_path / "out", workers=1)
    assert (run.audited, run.unchanged) == (0, 4)
    path = small / "model-1" / "model.safetensors"
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[-64:] = bytes(64)
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # other weights under the old time
    os.utime(small / "model-2" / "model.safetensors")
    run = rowscope.fleet(small, tmp_path / "out", workers=1)
    assert (run.audited, run.unchanged) == (2, 2)
    assert rowscope.fleet(small, tmp_path / "out", workers=1).unchanged == 4


def test_steps_of_one_run_are_told_apart_though_their_headers_are_equal(tmp_path):
    for step in (9, 10):
        checkpoint(tmp_path / "run" / f"checkpoint-{step}", step)
    (tmp_path / "run" / "final").mkdir()
    rowscope.fleet(tmp_path / "run", tmp_path / "out", workers=1)
    rows = content(tmp_path / "out")["checkpoints"]
    assert [(row["model"], row["step"]) for row in rows] == [("run", 9), ("run", 10)]
    assert len({row["key"] for row in rows}) == 2


def test_other_options_audit_again_and_rows_are_kept_where_they_are_asked_for(small, tmp_path):
    import pyarrow.parquet

    rowscope.fleet(small, tmp_path / "out", workers=1)
    options = AuditOptions(ignore=("VOC",), rows=True)
    assert rowscope.fleet(small, tmp_path / "out", workers=1, options=options).audited == 4
    rows = content(tmp_path / "out")
    assert len(rows["checkpoints"]) == 4
    assert not [row for row in rows["findings"] if row["code"].startswith("VOC")]
    files = list((tmp_path / "out" / "rows").glob("*.parquet"))
    assert len(files) == 4
    table = pyarrow.parquet.read_table(files[0]).to_pydict()
    expected = rowscope.row_table(table["path"][0], evidence=True)
    assert np.array_equal(table["norm"], expected.norm)
    assert table["verdict"] == expected.verdict.tolist()


def test_a_part_that_a_power_failure_spoilt_is_made_again(small, tmp_path):
    rowscope.fleet(small, tmp_path / "out", workers=1)
    before = content(tmp_path / "out")
    one, two = sorted((tmp_path / "out" / "parts").iterdir())[:2]
    one.write_bytes(b"")
    two.write_bytes(bytes(two.stat().st_size))
    (tmp_path / "out" / "checkpoints.parquet").unlink()
    assert rowscope.fleet(small, tmp_path / "out", workers=1).audited == 2
    assert content(tmp_path / "out") == before


def test_what_takes_too_long_is_cut_off(tmp_path):
    small = zoo(tmp_path / "small", 2)
    run = rowscope.fleet(small, tmp_path / "out", workers=1, time_limit=1e-6)
    assert {failure.code for failure in run.failures} <= {"TIMEOUT"}
    assert len(run.failures) + run.audited == 2


def test_a_folder_of_somebody_else_is_no_store(small, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(RefusedError, match=r"holds 'thesis.txt'"):
        rowscope.fleet(small, tmp_path / "mine")
    with pytest.raises(RefusedError, match="a path"):
        rowscope.fleet(small, "s3://bucket/store")
    with pytest.raises(RefusedError, match="no store"):
        fleet_status(tmp_path / "mine")
    with pytest.raises(UsageError, match="no table 'rows'"):
        rowscope.fleet(small, tmp_path / "out", workers=1).table("rows")
