"""Whole processes as contenders: wall time from start to exit, peak memory, caches warm or cold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.timing import Sample

CHILDREN = Path(__file__).resolve().parent / "children"

Command = Sequence[str]


def rowscope_command(*words: str) -> Command:
    """The command line `rowscope …`."""
    return (sys.executable, "-P", "-m", "rowscope", *words)


def script(name: str, *words: str) -> Command:
    """A script of `bench/children`. -P: its folder is not searched for modules."""
    return (sys.executable, "-P", str(CHILDREN / name), *words)


def run(command: Command, kernels: Path) -> tuple[Sample, str]:
    """Run to the end; its time and peak memory, and what it printed. `kernels` is numba's cache folder.

    Raises:
        RuntimeError: it failed; with what it wrote to standard error.
    """
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(kernels), "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory(prefix="rowscope-bench-") as folder:
        result = Path(folder) / "result.json"
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(CHILDREN / "launch.py"), str(result), *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        found = json.loads(result.read_text()) if result.exists() else {"status": done.returncode}
    if found["status"]:
        raise RuntimeError(f"{' '.join(command)}: exit status {found['status']}\n{done.stderr[-2000:]}")
    return Sample(found["seconds"], found["memory"]), done.stdout


def warm(command: Command, kernels: Path) -> Callable[[], Sample]:
    """A contender that finds files in the page cache and compiled kernels in `kernels`."""
    return lambda: run(command, kernels)[0]


def cold(command: Command, checkpoint: Path) -> Callable[[], Sample]:
    """A contender that finds neither the checkpoint's files in the page cache nor compiled kernels."""

    def start() -> Sample:
        drop_from_page_cache(checkpoint)
        with tempfile.TemporaryDirectory(prefix="rowscope-bench-") as empty:
            return run(command, Path(empty))[0]

    return start


def drop_from_page_cache(folder: Path) -> None:
    """Ask the system to forget the files of a folder, once they are on the disk."""
    for path in folder.iterdir():
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
