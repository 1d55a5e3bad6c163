"""Runs that are killed, interrupted, divided, or at work in one store at once leave what one run leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from tests.fleet.made import content, start, zoo

import rowscope
from rowscope.inspector.errors import UsageError
from rowscope.inspector.fleet import fleet_status

pyarrow = pytest.importorskip("pyarrow", reason="extra table")

COUNT = 24
KILLS = 50


@pytest.fixture(scope="module")
def zoo_and_store(tmp_path_factory):
    """Checkpoints, one of them broken, and what an undisturbed run says of them."""
    root = zoo(tmp_path_factory.mktemp("zoo"), COUNT, ("no header",))
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    rowscope.fleet(root, out)
    return root, content(out)


# Forked children run `fleet` with an engine that works in its own process, so that a kill finds it at any
# step of a run and not in the start of workers. Between kills half of what is done is taken away again.
SCRIPT = """
import os, random, signal, sys, time
import pyarrow.parquet
from rowscope.inspector.fleet import reading, run
from rowscope.inspector.fleet.task import work

class Serial:
    name, workers = "local", 1
    def now(self): return []
    def submit(self, tasks):
        for task in tasks: yield work(task)

run.engine_named = lambda *given: Serial()
root, out, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
chance = random.Random(18)

def begin(where):
    child = os.fork()
    if child == 0:
        try:
            run.fleet(root, where)
        finally:
            os._exit(0)
    return child

start = time.monotonic()
os.waitpid(begin(out + "-undisturbed"), 0)
whole = time.monotonic() - start
amid = 0
for at in range(kills):
    child = begin(out)
    time.sleep(chance.uniform(0, whole))
    os.kill(child, signal.SIGKILL)
    amid += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    parts = os.path.join(out, "parts")
    for name in sorted(os.listdir(parts) if os.path.isdir(parts) else ())[at % 2::2]:
        os.unlink(os.path.join(parts, name))
print(amid)
"""


def unheard(out):
    """Folders of runs that died before their first word: nobody knows for a while that they are dead."""
    folders = [path for path in (out / "runs").iterdir() if path.is_dir()]
    return [folder for folder in folders if not (out / "runs" / f"{folder.name}.json").exists()]


def test_a_run_that_died_before_its_first_word(zoo_and_store, tmp_path):
    """Its folder may be that of a run which begins just now: it stays until `SILENCE` is over."""
    root, _ = zoo_and_store
    out = tmp_path / "out"
    rowscope.fleet(root, out)
    folder = out / "runs" / "20260101-000000-0123abcd"
    folder.mkdir()
    (folder / "0123456789abcdef").touch()
    rowscope.fleet(root, out)
    assert unheard(out) == [folder]
    os.utime(folder, (0, 0))
    rowscope.fleet(root, out)
    assert unheard(out) == []


def test_killed_at_50_moments_and_run_again(zoo_and_store, tmp_path):
    root, expected = zoo_and_store
    out = tmp_path / "out"
    line = [sys.executable, "-c", SCRIPT, root, out, str(KILLS)]
    done = subprocess.run(line, check=True, timeout=300, capture_output=True)
    assert int(done.stdout) > KILLS / 2  # the others had ended before
    for folder in unheard(out):
        os.utime(folder, (0, 0))  # the next run comes when `SILENCE` is over
    rowscope.fleet(root, out)
    assert content(out) == expected
    files = [path for path in out.rglob("*") if path.is_file()]
    for path in files:
        if path.suffix == ".parquet":
            assert pyarrow.parquet.read_table(path).num_rows >= 0
    assert {path.suffix for path in files} == {".parquet", ".json"}
    assert len(list((out / "parts").iterdir())) == COUNT


def test_two_shards_one_after_the_other_are_one_run(zoo_and_store, tmp_path, monkeypatch):
    root, expected = zoo_and_store
    first = rowscope.fleet(root, tmp_path / "out", shard="1/2")
    for name, value in (("ID", "7"), ("MIN", "6"), ("COUNT", "2"), ("STEP", "1")):
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    second = rowscope.fleet(root, tmp_path / "out", "shard")
    assert (first.shard, second.shard) == ("1/2", "2/2")
    assert first.checkpoints + second.checkpoints == COUNT
    assert 0 < first.checkpoints < COUNT
    assert first.unchanged == second.unchanged == 0
    assert content(tmp_path / "out") == expected


@pytest.mark.parametrize("words", ["", "0", "3/2", "1/0", "a/b", "-1/2"])
def test_what_is_no_shard(words, tmp_path):
    with pytest.raises(UsageError, match="such as 3/64"):
        rowscope.fleet("demo", tmp_path / "out", shard=words)
    assert not (tmp_path / "out").exists()


def test_a_shard_that_nothing_names(tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    with pytest.raises(UsageError, match="SLURM_ARRAY_TASK_ID"):
        rowscope.fleet("demo", tmp_path / "out", "shard")


def test_two_runs_at_once_are_one_run(zoo_and_store, tmp_path):
    root, expected = zoo_and_store
    out = tmp_path / "out"
    runs = [start(root, "--out", out, *more) for more in ((), (), ("--shard", "1/2"))]
    codes = [run.wait(120) for run in runs]
    assert codes == [3, 3, codes[2]]
    assert content(out) == expected
    tables = pyarrow.parquet.read_table(out / "checkpoints.parquet")
    assert tables.num_rows == COUNT  # compacted by the last of them
    assert fleet_status(out).running == ()


def test_an_interrupted_run_keeps_what_is_done(tmp_path):
    root, out = zoo(tmp_path / "zoo", 90), tmp_path / "out"
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from rowscope.cli import main; main()"
    )
    line = [sys.executable, "-c", code, "fleet", root, "--out", out, "--workers", "1"]
    run = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not (out / "parts").is_dir() or not list((out / "parts").iterdir()):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert fleet_status(out).running[0].total == 90
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)[1].decode()
    assert run.returncode == 130, said
    assert "run the same command again" in said
    done = len(list((out / "parts").iterdir()))
    assert 0 < done < 90
    assert pyarrow.parquet.read_table(out / "checkpoints.parquet").num_rows == done
    assert fleet_status(out).ended[-1].ended == "interrupted"
    again = rowscope.fleet(root, out)
    assert (again.audited, again.unchanged) == (90 - done, done)


def test_a_worker_that_is_killed_costs_its_own_task(tmp_path):
    """From outside, while it works, whatever it works on."""
    root, out = zoo(tmp_path / "zoo", 60), tmp_path / "out"
    killed: list[str] = []

    def watch(state, outcome):
        if outcome is None or killed:
            return
        for pid in os.listdir("/proc"):
            if pid.isdigit() and _parent(pid) == os.getpid() and b"fleet.worker" in _line(pid):
                os.kill(int(pid), signal.SIGKILL)
                killed.append(pid)
                return

    run = rowscope.fleet(root, out, workers=2, watch=watch)
    assert killed
    assert run.audited + len(run.failures) == 60
    assert len(run.failures) <= 1  # none where it had no task at that moment
    assert {failure.code for failure in run.failures} <= {"WORKER_LOST"}
    assert all("SIGKILL" in failure.message for failure in run.failures)


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as said:
            return int(said.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _line(pid: str) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as said:
            return said.read()
    except OSError:
        return b""
