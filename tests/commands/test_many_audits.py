"""Many audits: one after the other in a process without growth, and at once in threads, forks and processes.

`ROWSCOPE_AT_ONCE=100` spawns as many processes at once; by default there are six.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import rowscope

AT_ONCE = 100
SPAWNED = int(os.environ.get("ROWSCOPE_AT_ONCE", "6"))

# Prints descriptors, maps, threads and resident bytes after the 40th and the last of 140 rounds.
ROUNDS = """
import gc, json, os, sys, threading
import rowscope
good, bad = sys.argv[1:]
def round():
    rowscope.audit(good).to_dict()
    rowscope.row_table(good, ids=[0, 1, 2], evidence=True)
    for broken in (bad, "nowhere"):
        try:
            rowscope.audit(broken)
        except rowscope.RowscopeError:
            pass
def measure():
    gc.collect()
    with open("/proc/self/maps") as maps, open("/proc/self/statm") as memory:
        mapped, resident = sum(1 for _ in maps), int(memory.read().split()[1]) * 4096
    return len(os.listdir("/proc/self/fd")), mapped, threading.active_count(), resident
for _ in range(40):
    round()
first = measure()
for _ in range(100):
    round()
print(json.dumps([first, measure()]))
"""


@pytest.fixture
def small(tmp_path, write_checkpoint) -> Path:
    """A checkpoint whose audit takes milliseconds."""
    matrix = np.random.default_rng(0).normal(size=(24, 8)).astype("f4")
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 24}
    tokens = {f"w{id}": id for id in range(20)}
    return write_checkpoint(tmp_path / "small", {"model.embed_tokens.weight": matrix}, config, tokens)


def facts(path: Path) -> str:
    """An audit without its times."""
    document = rowscope.audit(path).to_dict()
    return json.dumps({**document, "timings": None}, sort_keys=True)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_hundred_audits_in_one_process_leave_nothing_behind(small, tmp_path):
    data = (small / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(data[:-100])
    words = [sys.executable, "-c", ROUNDS, str(small), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    (files, maps, threads, memory), last = json.loads(done.stdout)
    assert last[0] == files
    assert last[1] <= maps + 2  # the allocator's own
    assert last[2] == threads
    assert last[3] <= memory + (4 << 20)


def test_a_hundred_audits_at_once_in_threads(small):
    expected, found = facts(small), []
    start = threading.Barrier(AT_ONCE)

    def work():
        start.wait()
        found.append(facts(small))

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert found == [expected] * AT_ONCE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_hundred_audits_at_once_in_forks(small):
    expected, children = facts(small), []
    for _ in range(AT_ONCE):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = int(facts(small) != expected)
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * AT_ONCE


def test_audits_at_once_in_processes_of_their_own(small):
    words = [sys.executable, "-m", "rowscope", "audit", str(small), "--format", "json", "--no-config"]
    started = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(SPAWNED)]
    found = []
    for process in started:
        document = json.loads(process.communicate()[0])
        assert process.returncode == document["exit_code"]
        found.append({**document, "timings": None, "settings": None, "exit_code": None})
    expected = {**rowscope.audit(small).to_dict(), "timings": None, "settings": None, "exit_code": None}
    assert found == [json.loads(json.dumps(expected))] * SPAWNED
