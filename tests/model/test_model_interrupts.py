"""SIGINT while a probe or a study works or writes: exit code 130, nothing left but what --resume keeps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from rowscope.inspector import model

# Commands one after the other, each with the moment at which a real SIGINT comes: a stage's name, half way
# through it, or "write", as soon as the unfinished file is there. Prints the exit codes.
STOPPED = """
import json, os, signal, sys
import rowscope.cli
from rowscope.progress import StageProgress
moment, flush, codes = None, os.fsync, {}
def stop():
    global moment
    moment = None
    os.kill(os.getpid(), signal.SIGINT)
def step(self, stage, done, total):
    if stage.startswith(moment or "-") and 2 * done >= total:
        stop()
def write(file):
    if moment == "write":
        stop()
    flush(file)
StageProgress.__call__, os.fsync = step, write
for name, (moment, *words) in json.loads(sys.argv[1]).items():
    sys.argv = ["rowscope", *words]
    try:
        rowscope.cli.main()
    except SystemExit as end:
        codes[name] = end.code
print("CODES", json.dumps(codes))
"""
OUT = ("--output", "out")
COMMANDS = {
    "forward": ("forward", "probe", "forward", "model", *OUT),
    "gradient": ("gradient", "probe", "gradient", "model", *OUT),
    "leak": ("leak", "probe", "leak", "model", *OUT),
    "train": ("train", "probe", "train", "model", "--steps", "2", *OUT),
    "verify": ("verify", "probe", "verify", "model", "--controls", "60", "--resume", "run.jsonl", *OUT),
    "writing a probe": ("write", "probe", "forward", "model", "--format", "json", *OUT),
    "study": ("leak", "study", "model", "--steps", "2", *OUT),
    "study, steps": ("policy-gradient", "study", "model", "--steps", "2", *OUT),
    "study, starts": (
        "train from",
        "study",
        "model",
        "--steps",
        "2",
        "--verify",
        "0",
        "--rl-steps",
        "0",
        *OUT,
    ),
    "writing a study": ("write", "study", "model", "--no-model", *OUT),
}


@pytest.fixture(scope="module")
def stopped(zoo, tmp_path_factory):
    """The folder in which all were stopped, and their exit codes."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "model").symlink_to(zoo["qwen2"])
    (folder / "out").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, json.dumps(COMMANDS)],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        # A test run in the background hands on an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("interrupted") == len(COMMANDS)
    return folder, json.loads(done.stdout.rpartition("CODES")[2])


@pytest.mark.parametrize("name", COMMANDS)
def test_its_exit_code(stopped, name):
    assert stopped[1][name] == 130


def test_nothing_is_left_but_what_is_resumed_from(stopped):
    folder = stopped[0]
    assert sorted(path.name for path in folder.iterdir()) == ["model", "out", "run.jsonl"]
    assert (folder / "out").read_text("utf-8") == "old"
    lines = (folder / "run.jsonl").read_text("utf-8").splitlines()
    assert len(lines) > 1
    assert all(json.loads(line) for line in lines)


def test_a_verification_goes_on(stopped, monkeypatch):
    monkeypatch.chdir(stopped[0])
    before = len((stopped[0] / "run.jsonl").read_text("utf-8").splitlines())
    resumed = model.verify("model", controls=60, resume="run.jsonl")
    after = (stopped[0] / "run.jsonl").read_text("utf-8").splitlines()
    assert before < len(after) == 1 + len(resumed.tokens)
    assert resumed.to_dict() == model.verify("model", controls=60).to_dict()
