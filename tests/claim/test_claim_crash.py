"""The process ended at every step of a claim and of an undo: nothing is ever lost.

Each case runs in a forked child whose disk ends it with `os._exit`, which runs no cleanup, as `kill -9` does:
before a step, after it, or in the middle of a write.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from rowscope.inspector.claim import (
    ClaimPlan,
    apply_claim,
    apply_claim_in_place,
    claim_into,
    plan_claim,
    undo_claim,
)
from rowscope.inspector.claim.applying.manifest import UNDO
from rowscope.inspector.claim.disk import copying
from rowscope.inspector.claim.disk.disk import Disk
from rowscope.inspector.errors import RefusedError

Make = Callable[..., Path]
Contents = Callable[[Path], dict[str, str]]
Act = Callable[[Disk], object]

STEPS: Final = frozenset(name for name in vars(Disk) if not name.startswith("_"))
MODES: Final = ("before", "after", "torn")
KILLED: Final = 99


class WatchedDisk(Disk):
    """Does `act` at step number `at`, counting from 1; keeps the names of the steps.

    Flushing is left out: a process that ends loses nothing that the system has, and the tests are quicker.
    """

    def __init__(self, at: int = 0, act: Callable[[str, Any, tuple[Any, ...]], None] | None = None) -> None:
        self.at, self.act = at, act
        self.log: list[tuple[str, tuple[Any, ...]]] = []
        self.lock = threading.Lock()

    def sync(self, file: int) -> None:
        os.fstat(file)

    def sync_folder(self, path: Path | int) -> None:
        os.stat(path)

    def __getattribute__(self, name: str) -> Any:
        method = object.__getattribute__(self, name)
        if name not in STEPS:
            return method

        def watched(*arguments: Any) -> Any:
            with self.lock:  # two threads take steps where the copy begins before the plan
                self.log.append((name, arguments))
                step = len(self.log)
            if step == self.at and self.act is not None:
                self.act(name, method, arguments)
            return method(*arguments)

        return watched


def end(mode: str) -> Callable[[str, Any, tuple[Any, ...]], None]:
    def act(name: str, method: Any, arguments: tuple[Any, ...]) -> None:
        if mode == "after":
            with suppress(OSError):  # no reflinks here
                method(*arguments)
        elif mode == "torn" and name == "write":
            file, data, offset = arguments
            method(file, data[: len(data) // 2], offset)
        elif mode == "torn" and name == "copy":
            origin, file, start, stop = arguments
            method(origin, file, start, (start + stop) // 2)
        os._exit(KILLED)

    return act


def steps_of(run: Act) -> list[str]:
    """The names of the steps of a run that is let through."""
    disk = WatchedDisk()
    run(disk)
    return [name for name, _ in disk.log]


def kill_points(steps: list[str]) -> Iterator[tuple[int, str]]:
    for at, name in enumerate(steps, 1):
        yield from ((at, mode) for mode in MODES if mode != "torn" or name in ("write", "copy"))


def killed(run: Act, at: int, mode: str) -> None:
    """Run in a child that ends at the step."""
    child = os.fork()
    if child == 0:
        try:
            run(WatchedDisk(at, end(mode)))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED, (at, mode)


@pytest.fixture
def source(tmp_path: Path, make: Make) -> Path:
    """Every kind of file: older layout, two shards, untied, a sub-folder."""
    source = make(tmp_path / "work" / "source", layout="older", tied=False, shards=2, dtype="F32")
    (source / "original").mkdir()
    (source / "original" / "params.json").write_text("{}")
    return source


def plan_for(source: Path) -> ClaimPlan:
    return plan_claim(source, ["<A>", "<B>"], replace={"<B>": "<|reserved_2|>"}, values="like:er")


def whole_or_marked(out: Path, whole: dict[str, str], contents: Contents, *, nothing_yet: bool) -> bool:
    """Whether a killed claim left the target, which is then whole; else a folder by its side is marked.

    What there is is removed.
    """
    there = out.exists()
    if there:
        assert contents(out) == whole
    others = set(os.listdir(out.parent)) - {"source", "out"}
    assert len(others) == (0 if there or nothing_yet else 1)
    for name in others:
        assert name.startswith(".out.rowscope-incomplete-")
        shutil.rmtree(out.parent / name)
    shutil.rmtree(out, ignore_errors=True)
    return there


def test_a_new_folder_is_absent_or_marked_or_whole(source: Path, contents: Contents) -> None:
    plan, out = plan_for(source), source.parent / "out"
    before = contents(source)
    steps = steps_of(lambda disk: apply_claim(plan, out, disk=disk))
    whole = contents(out)
    shutil.rmtree(out)
    points = list(kill_points(steps))
    assert len(points) > 100
    finished = 0
    for at, mode in points:
        killed(lambda disk: apply_claim(plan, out, disk=disk), at, mode)
        assert contents(source) == before
        finished += whole_or_marked(out, whole, contents, nothing_yet=(at, mode) == (1, "before"))
    assert finished == 3  # after the rename, and around the flush of the folder above
    apply_claim(plan, out)
    assert contents(out) == whole


def test_a_claim_in_one_call_is_absent_or_marked_or_whole(
    source: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights are copied by a thread, as large ones are: piece by piece, past the page cache."""
    monkeypatch.setattr(copying, "PIECE", 1 << 14)
    monkeypatch.setattr(copying, "DIRECT_FROM", 1)
    out = source.parent / "out"
    before = contents(source)

    def run(disk: Disk) -> object:
        recipe: dict[str, Any] = {"replace": {"<B>": "<|reserved_2|>"}, "values": "like:er"}
        return claim_into(source, ["<A>", "<B>"], out, **recipe, link="copy", disk=disk)

    steps = steps_of(run)
    whole = contents(out)
    shutil.rmtree(out)
    finished = 0
    for at, mode in kill_points(steps):
        killed(run, at, mode)
        assert contents(source) == before
        finished += whole_or_marked(out, whole, contents, nothing_yet=(at, mode) == (1, "before"))
    assert finished == 3


def numbered(work: Path) -> list[str]:
    """Names of the undo folders."""
    return [name for name in os.listdir(work / UNDO) if name.isdigit()] if (work / UNDO).is_dir() else []


def without_undo(found: dict[str, str]) -> dict[str, str]:
    return {name: hash for name, hash in found.items() if not name.startswith(UNDO)}


def fresh(source: Path) -> Path:
    """A copy to work in, always in the same place, so that a plan fits it."""
    work = source.parent / "copy"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(source, work)
    return work


def test_an_interrupted_claim_in_place_can_be_undone(source: Path, contents: Contents) -> None:
    before = contents(source)
    plan = plan_for(fresh(source))
    steps = steps_of(lambda disk: apply_claim_in_place(plan, disk=disk))
    points = list(kill_points(steps))
    assert len(points) > 60
    undone = 0
    for at, mode in points:
        work = fresh(source)
        killed(lambda disk: apply_claim_in_place(plan, disk=disk), at, mode)
        if numbered(work):
            undone += 1
            undo_claim(work, disk=WatchedDisk())
            assert contents(work) == before
        else:
            assert without_undo(contents(work)) == before
            apply_claim_in_place(plan, disk=WatchedDisk())
            undo_claim(work, disk=WatchedDisk())
            assert contents(work) == before
        assert not (work / UNDO).exists()
    assert undone > 25


def test_an_interrupted_undo_can_be_run_again(source: Path, contents: Contents) -> None:
    before = contents(source)
    work = fresh(source)
    plan = plan_for(work)
    apply_claim_in_place(plan)
    claimed = source.parent / "claimed"
    shutil.copytree(work, claimed)
    copy = source.parent / "copy"
    steps = steps_of(lambda disk: undo_claim(copy, disk=disk))
    points = list(kill_points(steps))
    assert len(points) > 60
    for at, mode in points:
        work = fresh(claimed)
        killed(lambda disk: undo_claim(copy, disk=disk), at, mode)
        if numbered(work):
            undo_claim(work, disk=WatchedDisk())
        assert without_undo(contents(work)) == before


def test_there_are_two_hundred_points(source: Path) -> None:
    work = fresh(source)
    plan = plan_for(work)
    runs: list[Act] = [
        lambda disk: apply_claim(plan, source.parent / "out", disk=disk),
        lambda disk: apply_claim_in_place(plan, disk=disk),
        lambda disk: undo_claim(work, disk=disk),
    ]
    assert sum(len(list(kill_points(steps_of(run)))) for run in runs) >= 200


def test_a_step_that_fails_in_place_is_rolled_back(source: Path, contents: Contents) -> None:
    """Not killed but refused by the system, once, at every step."""
    before = contents(source)
    plan = plan_for(fresh(source))
    steps = steps_of(lambda disk: apply_claim_in_place(plan, disk=disk))

    def fail(name: str, method: Any, arguments: tuple[Any, ...]) -> None:
        raise OSError(28, "No space left on device")

    for at in range(1, len(steps) + 1):
        work = fresh(source)
        with pytest.raises(RefusedError, match="disk is full"):
            apply_claim_in_place(plan, disk=WatchedDisk(at, fail))
        assert contents(work) == before


def test_files_are_durable_before_they_get_their_names(source: Path) -> None:
    """What a power cut keeps is up to the order: data, then names, then the rename that makes it count."""
    plan, out = plan_for(source), source.parent / "out"
    disk = WatchedDisk()
    apply_claim(plan, out, link="copy", disk=disk)
    names = [name for name, _ in disk.log]
    final = names.index("rename")
    written = [at for at, name in enumerate(names) if name == "create"]
    synced = [at for at, name in enumerate(names) if name == "sync"]
    assert len(written) == len(synced)
    assert max(written) < max(synced) < final
    last_folder = max(at for at, name in enumerate(names[:final]) if name == "sync_folder")
    assert names[last_folder + 1 :] == ["rename", "sync_folder"]
    folders = {arguments[0] for name, arguments in disk.log if name == "make_folder"}
    assert folders <= {arguments[0] for name, arguments in disk.log[:final] if name == "sync_folder"}


def test_in_place_the_manifest_is_durable_before_anything_changes(source: Path) -> None:
    plan = plan_for(fresh(source))
    disk = WatchedDisk()
    apply_claim_in_place(plan, disk=disk)
    names = [name for name, _ in disk.log]
    manifest = names.index("rename")
    assert names[manifest + 1] == "sync_folder"
    first_patch = next(
        at for at, (name, arguments) in enumerate(disk.log) if name == "write" and at > manifest
    )
    assert manifest + 1 < first_patch
    assert names[manifest - 1] == "sync_folder"
    assert names[:manifest].count("create") == names[:manifest].count("sync")
