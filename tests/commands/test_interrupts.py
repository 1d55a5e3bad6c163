"""Signals and full disks on every command that writes: an exit code of their own, and nothing left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import rowscope
from rowscope.signals import Interrupted, interruptible

DEMO = Path(rowscope.__file__).parent / "demo"

# A signal as soon as the unfinished file is there.
AT = """
import os, signal, sys, rowscope.cli
real, number = os.fsync, getattr(signal, sys.argv.pop(1))
def stop(file):
    os.fsync = real
    os.kill(os.getpid(), number)
    real(file)
os.fsync = stop
rowscope.cli.main()
"""

WRITES = {
    "output": ("audit", "demo", "--format", "json", "--output", "out"),
    "explain": ("explain", "ROW203", "--output", "out"),
    "baseline": ("audit", "demo", "--write-baseline", "out"),
    "mask": ("mask", "model", "--apply"),
    "claim": ("claim", "model", "<A>", "--values", "keep", "--out", "claimed"),
    "in place": ("claim", "model", "<A>", "--values", "keep", "--in-place"),
}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def here(tmp_path):
    """A folder with a checkpoint and a file of mode 600 where output will go."""
    shutil.copytree(DEMO, tmp_path / "model", copy_function=shutil.copyfile)
    (tmp_path / "out").write_text("old")
    (tmp_path / "out").chmod(0o600)
    return tmp_path


CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
ONE_EACH = [*zip(WRITES, ["SIGINT", "SIGTERM", "SIGHUP"] * 3, strict=False)]


@pytest.mark.parametrize(("command", "name"), ONE_EACH)
def test_a_signal_while_a_file_is_written(here, command, name):
    """Each command once; `test_kill_points.py` has every step with every signal."""
    words, code = WRITES[command], CODES[name]
    before = tree(here)
    done = subprocess.run(
        [sys.executable, "-c", AT, name, *words],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert tree(here) == before
    assert (here / "out").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("words", [("explain", "ROW203", "--output", "out"), WRITES["baseline"]])
def test_the_mode_of_a_file_is_kept(here, words):
    words = [sys.executable, "-m", "rowscope", *words]
    subprocess.run(words, cwd=here, capture_output=True, check=True)
    assert (here / "out").read_text() != "old"
    assert (here / "out").stat().st_mode & 0o777 == 0o600


def test_a_second_signal_ends_the_process_at_once():
    kill = "os.kill(os.getpid(), signal.SIGTERM)"
    code = f"""
import os, signal
from rowscope.signals import interruptible
with interruptible():
    try:
        {kill}
    finally:
        {kill}
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGTERM


def test_handlers_of_others_and_ignored_signals_stay():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        mine = signal.signal(signal.SIGTERM, lambda number, frame: None)
        assert mine == before[signal.SIGTERM]
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with pytest.raises(Interrupted), interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("explain", "ROW203"), 5),
        (("rows", "demo", "--ids", "0:3", "--format", "json"), 5),
        (("audit", "nowhere", "--format", "json"), 3),
    ],
)
def test_standard_output_on_a_full_disk(words, code):
    with open("/dev/full", "wb") as full:
        line = [sys.executable, "-m", "rowscope", *words]
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == code
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr or code == 3


def test_output_to_the_standard_output_of_a_file(tmp_path):
    with open(tmp_path / "log", "wb") as log:
        words = [sys.executable, "-m", "rowscope", "explain", "ROW203", "--output", "/dev/stdout"]
        subprocess.run(words, stdout=log, check=True)
    assert "ROW203" in (tmp_path / "log").read_text()
    assert Path("/dev/stdout").is_symlink()
