"""Every command that writes, ended at its steps by signals, full disks and short writes.

Whatever happens: a file is as it was or as it should be, and nothing is left but what docs/security.md lists.
A sample runs by default; `ROWSCOPE_KILL_POINTS=all` runs every step with everything that can happen there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .. import killing
from ..killing import EXIT, Point

SAMPLE = 8
AUDIT = ("audit", "model", "--no-timings", "--fail-on", "never")
CLAIM = ("claim", "model", "<A>", "--values", "like:er")
COMMANDS: dict[str, tuple[str, ...]] = {
    "output": ("explain", "ROW203", "--output", "out"),
    "new output": ("rows", "model", "--ids", "0:3", "--format", "json", "--output", "new"),
    "baseline": ("audit", "model", "--write-baseline", "out", "--fail-on", "never"),
    "reports": (*AUDIT, "--report", "json=out", "--report", "html=new.html", "--output", "text"),
    "mask": ("mask", "model", "--apply"),
    "claim": (*CLAIM, "--out", "claimed", "--link", "copy"),
    "claim in place": (*CLAIM, "--in-place"),
    "undo": ("undo", "model"),
}

# docs/security.md, "What can be left behind".
LEFT_BY_KILL = [
    r"\.rowscope-[0-9a-f]{16}\.part",
    r"model/\.rowscope-[0-9a-f]{16}\.part",
    r"\.claimed\.rowscope-incomplete-[0-9a-f]{8}/.*",
    r"model/\.rowscope-undo/.*",
    r"state/rowscope/claims/[0-9a-f]{64}\.json\.[0-9a-f]{16}",
]
NOTES = r"state/.*/|state/rowscope/claims/[0-9a-f]{64}\.json"

Make = Callable[..., Path]
Tree = dict[str, tuple[str, int]]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, make: Make) -> Path:
    """A folder with a checkpoint and a file of mode 600; and one where the claim has been made in place."""
    home = tmp_path_factory.mktemp("kill")
    model = make(home / "start" / "model", layout="older", tied=False, shards=2)
    (model / "generation_config.json").write_text('{"eos_token_id": 2}')
    (model / "generation_config.json").chmod(0o640)
    (home / "start" / "state").mkdir(mode=0o700)
    (home / "start" / "out").write_text("old")
    (home / "start" / "out").chmod(0o600)
    shutil.copytree(home / "start", home / "work")
    code, _, said = killing.run(COMMANDS["claim in place"], home / "work")
    assert code == 0, said
    (home / "work").rename(home / "claimed")
    return home


def fresh(start: Path, command: str) -> Path:
    work = start / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(start / ("claimed" if command == "undo" else "start"), work)
    return work


def seen(folder: Path) -> Tree:
    """What counts: all but the notes of claims and their undo folders."""
    kept = killing.tree(folder).items()
    return {
        name: value for name, value in kept if not re.fullmatch(NOTES, name) and ".rowscope-undo" not in name
    }


def chosen(steps: list[str]) -> list[Point]:
    """All points, or a sample that has every kind of event and is spread over the steps."""
    found = list(killing.points(steps))
    if os.environ.get("ROWSCOPE_KILL_POINTS") == "all":
        return found
    kinds = list(killing.KINDS)
    found.sort(key=lambda point: ((point.at * 7 + 3 * kinds.index(point.kind)) % len(kinds), point.at))
    return found[:: max(len(found) // SAMPLE, 1)]


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_lost_and_nothing_is_left(
    start: Path, command: str, record_property: Callable[[str, object], None]
) -> None:
    words, work = COMMANDS[command], fresh(start, command)
    before = seen(work)
    code, steps, said = killing.run(words, work)
    assert code == 0, said
    after = seen(work)
    assert after != before
    tried = chosen(steps)
    for point in tried:
        work = fresh(start, command)
        code, _, said = killing.run(words, work, point)
        check(point, code, said)
        check_files(work, point, code, said, (before, after), command)
    record_property("points", len(tried))
    print(f"{command}: {len(steps)} steps, {len(tried)} points")


def check(point: Point, code: int, said: str) -> None:
    """The exit code is that of the event, and an error is one line; some steps may fail without harm."""
    assert "Traceback" not in said, (point, said)
    expected = EXIT.get(point.kind.split()[0])
    if expected is not None:
        assert code == expected, (point, said)
    elif point.kind == "short":
        assert code == 0, (point, said)
    else:
        assert code in (0, 5), (point, said)
        assert code == 0 or said.count("\n") == 1, (point, said)


def check_files(
    work: Path, point: Point, code: int, said: str, states: tuple[Tree, Tree], command: str
) -> None:
    (before, after), found = states, seen(work)
    killed = point.kind.startswith("SIGKILL")
    left = {name for name in killing.tree(work) if name not in before and name not in after}
    allowed = [NOTES, *LEFT_BY_KILL] if killed else [NOTES, r"model/\.rowscope-undo/.*"]
    assert not [name for name in left if not any(re.fullmatch(form, name) for form in allowed)], (point, left)
    if command in ("claim in place", "undo"):
        return check_undo(work, point, code, said, states, command)
    kept = {name: value for name, value in found.items() if name not in left}
    if command == "reports":  # three files, one after the other: each is as it was, or whole
        assert all(kept.get(name) in (before.get(name), after.get(name)) for name in before | after), point
        assert code != 0 or kept == after, point
        return None
    assert kept in (before, after), point
    if not killed:
        assert found == (after if code == 0 or kept == after else before), point
    return None


def check_undo(
    work: Path, point: Point, code: int, said: str, states: tuple[Tree, Tree], command: str
) -> None:
    """In place, what is half done is put back by `rowscope undo`, by the command itself where that can be."""
    before, after = states
    numbers = list((work / "model").glob(".rowscope-undo/[0-9]*"))
    if not point.kind.startswith("SIGKILL") and command == "claim in place" and code != 0:
        whole = seen(work) == before and not numbers
        # Where nothing at all can be written any more the command cannot put it back, and says who can.
        assert whole or (point.kind == "full from there on" and numbers and "'rowscope undo'" in said), point
    if numbers:
        undone, _, why = killing.run(("undo", "model"), work)
        if undone == 5 and "--trust-manifest" in why:  # the state folder was what could not be written
            assert point.kind in ("ENOSPC", "full from there on"), point
            undone = killing.run(("undo", "model", "--trust-manifest"), work)[0]
        assert undone == 0, point
    settled = {name: value for name, value in seen(work).items() if not re.fullmatch(LEFT_BY_KILL[-1], name)}
    assert settled == (before if command == "claim in place" else after), point
