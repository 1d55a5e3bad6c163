"""What every backend of the storage interface must do, faults included: one suite that each passes.

A new backend brings a rig: how a folder is made, and how its files are changed under an open reader.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rowscope
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.errors import CheckpointError, MalformedFileError, RefusedError
from rowscope.inspector.storage.interface import File, Folder, UnreadableError
from rowscope.inspector.storage.json_file import read_json
from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.storage.memory import MemoryFolder, from_disk

from .remote_rigs import REMOTE_RIGS

CONTENT = bytes(range(256)) * 64
FILES = {"numbers": CONTENT, "empty": b"", "config.json": b'{"a": [1, 2]}', "below/deep/inner.txt": b"inner"}
DEMO = Path(rowscope.__file__).parent / "demo"


class Rig(Protocol):
    """`snapshot`: what was opened is one content, and a change of any of it stops the reader."""

    @property
    def folder(self) -> Folder: ...
    @property
    def snapshot(self) -> bool: ...
    def write(self, name: str, data: bytes) -> None: ...
    def forbid(self, name: str) -> None: ...


class LocalRig:
    snapshot = False

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, LocalFolder(root)
        for name, data in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)

    def write(self, name: str, data: bytes) -> None:
        (self.root / name).write_bytes(data)

    def forbid(self, name: str) -> None:
        if os.geteuid() == 0:
            pytest.skip("the superuser may read everything")
        (self.root / name).chmod(0)


class MemoryRig:
    snapshot = False

    def __init__(self) -> None:
        self.folder = MemoryFolder(dict(FILES))

    def write(self, name: str, data: bytes) -> None:
        self.folder.files[name] = data

    def forbid(self, name: str) -> None:
        self.folder.forbidden.add(name)


@contextlib.contextmanager
def rigged(kind: str, folder: Path) -> Iterator[Rig]:
    if kind == "local":
        yield LocalRig(folder)
    elif kind == "memory":
        yield MemoryRig()
    else:
        with REMOTE_RIGS[kind](FILES) as rig:
            yield rig


@pytest.fixture(params=["local", "memory", *REMOTE_RIGS])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with rigged(request.param, tmp_path) as found:
        yield found


def test_it_is_the_interface(rig: Rig) -> None:
    assert isinstance(rig.folder, Folder)


def test_names_and_kinds(rig: Rig) -> None:
    assert rig.folder.names() == ("below", "config.json", "empty", "numbers")
    assert rig.folder.names("below") == ("deep",)
    kinds = [rig.folder.kind(name) for name in ("numbers", "below", "below/deep/inner.txt", "none", "no\0ne")]
    assert kinds == ["file", "folder", "file", None, None]
    assert [rig.folder.has(name) for name in ("numbers", "below", "none")] == [True, True, False]


def test_what_cannot_be_listed(rig: Rig) -> None:
    with pytest.raises(UnreadableError, match=r"cannot list .*none"):
        rig.folder.names("none")


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 1), (5, 300), (16000, 99999), (99999, 100000)])
def test_the_head_of_a_file(rig: Rig, start: int, stop: int) -> None:
    assert rig.folder.head("numbers", start, stop) == (CONTENT[start:stop], len(CONTENT))


def test_a_small_file_is_read_whole_and_within_its_limit(rig: Rig) -> None:
    file = File(rig.folder, "below/deep/inner.txt")
    assert file.read(5) == b"inner"
    assert file.location == rig.folder.spell("below/deep/inner.txt")
    with pytest.raises(MalformedFileError, match="has 5 bytes, above the limit of 4 for a JSON file"):
        read_json(file, 4)
    assert read_json(File(rig.folder, "config.json"), 99) == {"a": [1, 2]}


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_views_and_reads_are_the_bytes(rig: Rig, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(CONTENT)))
    stop = data.draw(st.integers(start, len(CONTENT)))
    with rig.folder.open("numbers") as file:
        assert file.size == len(CONTENT)
        assert bytes(file.view(start, stop)) == file.read(start, stop) == CONTENT[start:stop]
        assert file.read_ranges([(start, stop), (0, 3)]) == [CONTENT[start:stop], CONTENT[:3]]
        file.release(start, stop)
        assert bytes(file.view(start, stop)) == CONTENT[start:stop]


def test_what_is_expected_is_there(rig: Rig) -> None:
    rig.folder.expect({"config.json": 99, "none": 5, "numbers": 10})
    with rig.folder.open("numbers") as file:
        file.expect([(100, 200), (5000, 16384)])
        assert file.read(150, 160) == CONTENT[150:160]
        assert bytes(file.view(5000, 16384)) == CONTENT[5000:]
        assert file.holds(5000, 16384)
    assert rig.folder.head("config.json", 0, 99)[0] == FILES["config.json"]


def test_what_was_fetched_is_counted(rig: Rig) -> None:
    folder = rig.folder
    with folder.open("numbers") as file:
        file.view(0, len(CONTENT))
        file.view(100, 200)
    if folder.traffic is not None:
        assert len(CONTENT) <= folder.traffic.fetched < len(CONTENT) + 1000
        assert folder.traffic.requests


@pytest.mark.parametrize(("start", "stop"), [(-1, 4), (4, 3), (0, 16385), (16385, 16386), (0, 2**70)])
def test_a_range_outside_the_file(rig: Rig, start: int, stop: int) -> None:
    with rig.folder.open("numbers") as file, pytest.raises(MalformedFileError, match="outside"):
        file.view(start, stop)


def test_an_empty_file(rig: Rig) -> None:
    with rig.folder.open("empty") as file:
        assert (bytes(file.view(0, 0)), file.read(0, 0), file.size) == (b"", b"", 0)
        file.release(0, 0)


def test_a_file_that_shrinks_is_an_error_where_bytes_are_gone(rig: Rig) -> None:
    with rig.folder.open("numbers") as file:
        if rig.snapshot:
            file.view(0, 50)
        rig.write("numbers", CONTENT[:100])
        if rig.snapshot:
            for _ in range(2):
                with pytest.raises(MalformedFileError, match=r"shrank|changed"):
                    file.read(90, 16000)
            return
        with pytest.raises(MalformedFileError, match=r"shrank|ended"):
            file.view(0, 200)
        with pytest.raises(MalformedFileError, match=r"shrank|ended"):
            file.read(0, 200)
        assert bytes(file.view(0, 100)) == file.read(0, 100) == CONTENT[:100]


def test_the_identity_changes_when_the_bytes_do(rig: Rig) -> None:
    with rig.folder.open("numbers") as first, rig.folder.open("numbers") as again:
        assert first.identity == again.identity
        before = first.identity
    rig.write("numbers", CONTENT[::-1] + b"more")
    with rig.folder.open("numbers") as changed:
        assert changed.identity != before


def test_a_missing_file(rig: Rig) -> None:
    for read in (lambda: rig.folder.head("none", 0, 9), lambda: rig.folder.open("none")):
        with pytest.raises(UnreadableError, match="No such file or directory") as caught:
            read()
        assert caught.value.location == rig.folder.spell("none")
        assert isinstance(caught.value, CheckpointError)


def test_a_folder_is_no_file(rig: Rig) -> None:
    for read in (lambda: rig.folder.head("below", 0, 9), lambda: rig.folder.open("below")):
        with pytest.raises(UnreadableError):
            read()


def test_permission_denied(rig: Rig) -> None:
    rig.forbid("numbers")
    for read in (lambda: rig.folder.head("numbers", 0, 9), lambda: rig.folder.open("numbers").read(0, 9)):
        with pytest.raises(UnreadableError) as caught:
            read()
        assert caught.value.why == "Permission denied"


def test_threads_may_share_an_open_file(rig: Rig) -> None:
    with rig.folder.open("numbers") as file, ThreadPoolExecutor(8) as pool:
        parts = pool.map(lambda at: file.read(at, at + 64), range(0, len(CONTENT), 64))
        assert b"".join(parts) == CONTENT


def test_memory_has_no_place_on_the_disk() -> None:
    with pytest.raises(RefusedError, match="in memory"):
        MemoryFolder({}).local("a")


def test_a_checkpoint_in_memory_audits_as_on_disk() -> None:
    there, here = (
        rowscope.audit(open_checkpoint(folder)).to_dict()
        for folder in (LocalFolder(DEMO), from_disk(DEMO, location=str(DEMO)))
    )
    for report in (there, here):
        del report["timings"]
    assert json.dumps(here) == json.dumps(there)


def test_rows_of_a_checkpoint_in_memory() -> None:
    ids = rowscope.reserved_ids("demo")
    here = rowscope.row_table(open_checkpoint(from_disk(DEMO)), ids=ids, evidence=True)
    there = rowscope.row_table("demo", ids=ids, evidence=True)
    assert here.norm.tolist() == there.norm.tolist()
    assert list(here.verdict) == list(there.verdict)


def test_a_checkpoint_in_memory_that_is_cut_is_one_clear_error() -> None:
    folder = from_disk(DEMO)
    checkpoint = open_checkpoint(folder)
    folder.files["model.safetensors"] = folder.files["model.safetensors"][:600_000]
    with pytest.raises(MalformedFileError, match="outside"):
        rowscope.audit(checkpoint)
