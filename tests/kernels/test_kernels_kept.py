"""Machine code on the disk is executed: it is loaded from nowhere that somebody else can write to."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from rowscope.kernels.compile import build, kept, machine_code

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
PLANTED, BUILT = b"planted", b"built"
KEY = ("scan", "BF16")


@pytest.fixture(autouse=True)
def umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """`NUMBA_CACHE_DIR` with a file of planted code and its digest; nothing is compiled or executed."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "build", lambda *key: BUILT)
    monkeypatch.setattr(machine_code, "_link", lambda code: code)
    monkeypatch.setattr(kept, "_said", [])
    folder = tmp_path / "cache" / "rowscope"
    (tmp_path / "cache").mkdir(mode=0o700)
    folder.mkdir(mode=0o700)
    write(path_in(folder), PLANTED)
    return folder


def path_in(folder: Path) -> Path:
    return folder / machine_code._name(KEY)


def write(path: Path, code: bytes, mode: int = 0o600) -> None:
    path.write_bytes(hashlib.sha256(code).digest() + code)
    path.chmod(mode)


def load() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kept.NotKeptWarning)
        return machine_code._load(KEY)


def test_a_file_of_the_user_alone_is_loaded(cache):
    assert load() == PLANTED
    path_in(cache).chmod(0o644)
    cache.chmod(0o755)
    assert load() == PLANTED


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o770, 0o702, 0o1777])
def test_a_folder_that_others_can_write_to_is_left_alone(cache, mode):
    cache.chmod(mode)
    before = path_in(cache).read_bytes()
    assert load() == BUILT
    assert path_in(cache).read_bytes() == before


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o703])
def test_a_folder_above_in_which_it_could_be_exchanged(cache, mode):
    cache.parent.chmod(mode)
    assert load() == BUILT
    cache.parent.chmod(mode | stat.S_ISVTX)  # as /tmp is
    assert load() == PLANTED


@pytest.mark.parametrize("mode", [0o666, 0o660, 0o620, 0o602])
def test_a_file_that_others_can_write_to_is_replaced(cache, mode):
    path_in(cache).chmod(mode)
    assert load() == BUILT
    assert path_in(cache).stat().st_mode & 0o777 == 0o600
    assert load() == BUILT


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
@pytest.mark.parametrize("what", ["file", "folder", "above"])
def test_what_belongs_to_another_user(cache, what):
    os.chown({"file": path_in(cache), "folder": cache, "above": cache.parent}[what], 65534, 65534)
    assert load() == BUILT


@pytest.mark.skipif(not ROOT, reason="only root gives links away")
def test_a_link_of_another_user_on_the_way(cache, tmp_path, monkeypatch):
    (tmp_path / "way").symlink_to(cache.parent)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "way"))
    assert load() == PLANTED
    os.lchown(tmp_path / "way", 65534, 65534)
    assert load() == BUILT


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def link(path: Path) -> None:
    write(path.with_name("elsewhere"), PLANTED)
    path.symlink_to("elsewhere")


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def empty(path: Path) -> None:
    path.touch(0o600)


def truncated(path: Path) -> None:
    write(path, PLANTED)
    path.write_bytes(path.read_bytes()[:-1])


def huge(path: Path) -> None:
    path.touch(0o600)
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize("put", [fifo, folder, link, device, dangling, empty, truncated, huge])
def test_what_is_no_machine_code_is_ignored_and_replaced(cache, put):
    path_in(cache).unlink()
    put(path_in(cache))
    assert load() == BUILT
    if put is not folder:
        assert path_in(cache).read_bytes()[32:] == BUILT
        assert stat.S_ISREG(path_in(cache).lstat().st_mode)
    assert not (cache / "nowhere").exists()
    assert [name for name in os.listdir(cache) if name.count(".") > 3] == []


@pytest.mark.parametrize("put", [dangling, fifo, link])
def test_a_mark_is_written_through_no_link(cache, put):
    mark = cache / f"{machine_code._name(KEY)}{machine_code._WANTED}"
    put(mark)
    assert not machine_code._wanted_before(KEY)
    assert not (cache / "nowhere").exists()
    assert machine_code._wanted_before(KEY)


@pytest.mark.parametrize("mask", [0, 0o022, 0o777])
def test_what_is_kept_is_for_the_user_alone_whatever_the_umask(tmp_path, monkeypatch, cache, mask):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "new"))
    (tmp_path / "new").mkdir(mode=0o755)
    os.umask(mask)
    assert load() == BUILT
    made = tmp_path / "new" / "rowscope"
    assert made.stat().st_mode & 0o777 == 0o700
    assert path_in(made).stat().st_mode & 0o777 == 0o600


def test_short_writes_and_a_full_disk_keep_nothing_by_halves(cache, monkeypatch):
    path_in(cache).unlink()
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, bytes(data[:5])))
    assert load() == BUILT
    assert path_in(cache).read_bytes()[32:] == BUILT
    path_in(cache).unlink()

    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert load() == BUILT
    assert os.listdir(cache) == []


def test_it_is_said_once_that_nothing_is_kept(cache):
    cache.chmod(0o777)
    with pytest.warns(kept.NotKeptWarning, match=r"others can write to .*: chmod go-w ") as said:
        [machine_code._load(key) for key in (KEY, ("scan", "F32"))]
    assert len(said) == 1


def test_the_command_says_it_in_one_line(tmp_path):
    """At the terminal's edge a warning of ours is a note on standard error, without a line of code."""
    tmp_path.chmod(0o777)
    code = (
        "import sys, warnings\nfrom rowscope import cli, terminal\n"
        "from rowscope.kernels.compile import kept, machine_code\n"
        "import rowscope.inspector.checks as checks\n"
        "real = checks.explain\n"
        "def explain(*words):\n    kept.write(machine_code._folders(), 'a.o', b'')\n    return real(*words)\n"
        "checks.explain = explain\nsys.argv = ['rowscope', 'explain', 'ROW203']\ncli.main()"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.startswith("note: compiled kernels are not kept for later runs")
    assert done.stderr.count("\n") == 1
