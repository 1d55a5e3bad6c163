"""Where Python lacks what it lacks on Windows: all reads, files are written, claims say they cannot."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PRELUDE = textwrap.dedent("""
    import asyncio, concurrent.futures, os, pathlib, shutil, signal, subprocess, sys, tempfile, threading
    import numpy
    for name in ("pread", "pwrite", "preadv", "fchmod", "fchown", "geteuid", "getuid", "sched_getaffinity",
                 "posix_fadvise", "copy_file_range", "sendfile", "sysconf", "mkfifo", "O_NOFOLLOW",
                 "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_DIRECT", "statvfs", "getpgid"):
        if hasattr(os, name):
            delattr(os, name)
    del signal.SIGHUP
    os.supports_dir_fd = set()
    os.supports_follow_symlinks = {os.stat}
    sys.modules["fcntl"] = sys.modules["resource"] = sys.modules["pwd"] = None
""")


def run(tmp_path, *words: str) -> subprocess.CompletedProcess[str]:
    code = f"{PRELUDE}\nsys.argv = ['rowscope', *{list(words)!r}]\nfrom rowscope.cli import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "line",
    [
        "inspect demo",
        "audit demo",
        "audit demo -o report.html --report sarif=x.sarif --write-baseline base.json",
        "rows demo --ids 0:3",
        "suspects demo --limit 3",
        "diff demo demo -o d.csv",
        "mask demo --format ids -o mask.txt",
        "claim demo <NUM> --dry-run",
        "study demo --no-model",
        "explain ROW203",
    ],
)
def test_what_reads_works(tmp_path, line):
    for _ in range(2 if " -o " in line else 1):  # the second time the file is there
        done = run(tmp_path, *line.split())
        assert done.returncode == 0, done.stderr
    for name in [word.rpartition("=")[2] for word in line.split() if "." in word]:
        assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize(
    "line", ["claim demo <NUM> --out copy", "claim copied <NUM> --in-place", "undo copied"]
)
def test_claims_say_that_they_cannot(tmp_path, line):
    import rowscope

    source = rowscope.open_checkpoint("demo").root
    (tmp_path / "copied").mkdir()
    for path in source.iterdir():
        (tmp_path / "copied" / path.name).write_bytes(path.read_bytes())
    done = run(tmp_path, *line.split())
    assert done.returncode == 5, done.stderr
    assert "os.pread" in done.stderr
    assert "--dry-run" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copied"]


def test_a_large_table_is_read(tmp_path, write_checkpoint):
    """Compiled kernels, several threads, and the pages of a map."""
    import numpy as np

    values = np.random.default_rng(0).normal(size=(40_000, 64)).astype("f4")
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 40_000}
    write_checkpoint(tmp_path / "large", {"model.embed_tokens.weight": values}, config)
    done = run(tmp_path, "audit", "large", "--allow-partial", "--fail-on", "never", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert '"rows_scanned": 40000' in done.stdout


def test_what_is_fetched_is_kept_on_such_a_system_too(tmp_path):
    code = PRELUDE + textwrap.dedent("""
        real = pathlib.Path.unlink
        opened = []
        def unlink(self, missing_ok=False):
            if not opened:
                opened.append(self)
                raise PermissionError("in use")
            real(self, missing_ok=missing_ok)
        pathlib.Path.unlink = unlink
        import gc
        from rowscope.inspector.storage.remote.spool import Spool
        spool = Spool(100, "x")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda at: spool.write(at, memoryview(bytes([at]) * 10)), range(0, 100, 10)))
        assert spool.missing([(0, 100)]) == []
        assert spool.file.read(0, 100) == b"".join(bytes([at]) * 10 for at in range(0, 100, 10))
        place = opened[0]
        assert place.exists()
        del spool
        gc.collect()
        assert not place.exists()
    """)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
