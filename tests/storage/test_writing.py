"""The writer of files for the user: whole or not at all, the mode kept, no link followed, no name guessed."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rowscope.inspector.storage import writing
from rowscope.inspector.storage.writing import write_output, write_whole

LEFT_OVER = re.compile(r"\.rowscope-[0-9a-f]{16}\.part")


@pytest.fixture(autouse=True)
def umask():
    """A lax one, so that permissions come from the writer."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("given", [0o600, 0o640, 0o644, 0o444, 0o666])
def test_a_file_that_is_there_keeps_its_mode(tmp_path, given):
    path = tmp_path / "report"
    path.write_text("old")
    path.chmod(given)
    write_whole(path, b"new")
    assert (path.read_bytes(), mode(path), os.listdir(tmp_path)) == (b"new", given, ["report"])


def test_bits_that_give_rights_away_are_not_carried_over(tmp_path):
    path = tmp_path / "report"
    path.write_text("old")
    path.chmod(0o4755)
    write_whole(path, b"new")
    assert mode(path) == 0o755


@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_gets_what_the_umask_leaves(tmp_path, mask, expected):
    os.umask(mask)
    write_whole(tmp_path / "report", b"new")
    assert mode(tmp_path / "report") == expected


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays_the_owner(tmp_path):
    path = tmp_path / "report"
    path.write_text("old")
    os.chown(path, 65534, 65534)
    write_whole(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_replaced_and_never_followed(tmp_path, there):
    victim = tmp_path / "victim"
    if there:
        victim.write_text("mine")
    (tmp_path / "report").symlink_to(victim)
    write_output(str(tmp_path / "report"), b"new")
    assert not (tmp_path / "report").is_symlink()
    assert (tmp_path / "report").read_bytes() == b"new"
    assert victim.exists() == there
    assert not there or victim.read_text() == "mine"


def test_other_names_of_a_file_keep_the_old_content(tmp_path):
    (tmp_path / "report").write_text("old")
    os.link(tmp_path / "report", tmp_path / "other")
    write_whole(tmp_path / "report", b"new")
    assert (tmp_path / "other").read_text() == "old"


def test_no_name_can_be_guessed_and_none_is_opened_that_is_there(tmp_path, monkeypatch):
    names = []
    real = os.open

    def spy(path, flags, *rest, **more):
        if flags & os.O_CREAT:
            names.append(os.fspath(path))
            assert flags & os.O_EXCL
            assert flags & os.O_NOFOLLOW
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", spy)
    for _ in range(3):
        write_whole(tmp_path / "report", b"new")
    assert len(set(names)) == 3
    assert all(LEFT_OVER.fullmatch(name) for name in names)
    # Even where the name is guessed: what is there is left alone.
    monkeypatch.setattr(os, "urandom", bytes)
    (tmp_path / "victim").write_text("mine")
    (tmp_path / writing.PART.format("0" * 16)).symlink_to("victim")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "report", b"newer")
    assert (tmp_path / "victim").read_text() == "mine"
    assert (tmp_path / "report").read_bytes() == b"new"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["write", "fsync", "fchmod", "replace"])
def test_what_fails_or_is_interrupted_leaves_nothing(tmp_path, monkeypatch, step, error):
    path = tmp_path / "report"
    path.write_text("old")

    def fail(*arguments, **more):
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        write_whole(path, b"new")
    monkeypatch.undo()
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["report"])


def test_short_writes_are_gone_on_with(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, bytes(data[:3])))
    write_whole(tmp_path / "report", b"0123456789")
    assert (tmp_path / "report").read_bytes() == b"0123456789"


@pytest.mark.parametrize("name", ["", "folder", "folder/", ".", "socket"])
def test_what_is_no_file_is_refused(tmp_path, name, monkeypatch):
    import socket

    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    with pytest.raises(OSError, match=r"Is a directory|No such device"):
        write_output(name, b"new")
    assert sorted(os.listdir()) == ["folder", "socket"]


def test_long_names_have_room(tmp_path):
    write_whole(tmp_path / ("x" * 255), b"new")
    assert os.listdir(tmp_path) == ["x" * 255]


def test_streams_are_written_to(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "fifo").read_bytes()))
    reader.start()
    write_output(str(tmp_path / "fifo"), b"x" * 300_000)
    reader.join()
    assert got == [b"x" * 300_000]
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)
    write_output("/dev/null", b"new")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_fifo_that_nobody_reads_ends_in_an_error(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setattr(writing, "PATIENCE", 0.2)
    with pytest.raises(OSError, match="No such device"):
        write_output(str(tmp_path / "fifo"), b"new")


@pytest.mark.parametrize("spelling", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_a_descriptor_of_this_process_is_written_to_where_it_stands(tmp_path, spelling):
    with open(tmp_path / "log", "wb") as log:
        log.write(b"before ")
        log.flush()
        write_output(spelling.format(log.fileno()), b"new")
    assert (tmp_path / "log").read_bytes() == b"before new"


def test_systems_without_descriptors_of_folders_links_and_owners(tmp_path):
    """As on Windows: everything imports, and files are written whole."""
    code = """
import os, pathlib, shutil, signal, subprocess, sys, tempfile
for name in ("O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "geteuid", "getuid",
             "fchmod", "fchown", "chown", "mkfifo"):
    if hasattr(os, name):
        delattr(os, name)
del signal.SIGHUP
os.supports_dir_fd = set()
from rowscope import signals, terminal
from rowscope.inspector.storage import write_output
from rowscope.inspector import claim
from rowscope.inspector.claim.applying import in_place, known, undo
from rowscope.kernels.private import PrivateFolder
with signals.interruptible():
    write_output(sys.argv[1], b"old")
    write_output(sys.argv[1], b"new")
folder = pathlib.Path(sys.argv[1]).parent / "own"
with PrivateFolder(folder, make=True) as own:
    own.write("a", b"kept")
    assert (own.read("a", 9), own.has("a"), own.names()) == (b"kept", True, ["a"])
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "report")], check=True)
    assert (tmp_path / "report").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["own", "report"]
