"""What a run leaves for the next one, ended at its steps: numbers of `probe verify --resume`, bytes and
record of a `--cache`. What is read back afterwards is what was written, or nothing.

`ROWSCOPE_KILL_POINTS=all` runs every point, by default a sample.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

import rowscope.cli
from rowscope.inspector.model.verify.journal import Journal
from rowscope.inspector.model.verify.results import Measured
from rowscope.inspector.storage.remote.spool import Spool
from rowscope.terminal import command

from .. import killing
from ..killing import EXIT, Point

SAMPLE = 24
PART = r"(cache/)?\.rowscope-[0-9a-f]{16}\.part"
ABOUT = {"rowscope_verify": 1, "version": "0", "path": "x"}
FIRST, SECOND = range(3), range(3, 9)
DATA = bytes(range(256)) * 64
RANGES = ((0, 4_096), (8_192, 12_288), (12_288, 12_300))


def measured(id: int) -> Measured:
    shares = {"a": id / 7}
    return Measured(p=shares, first=shares, second=shares, standing={"a": id})


def journal() -> int:
    kept = Journal("numbers", ABOUT)
    kept.add((id, measured(id)) for id in SECOND)
    kept.write()
    return 0


def cache() -> int:
    spool = Spool(len(DATA), "x", Path("cache/k.bytes"))
    for start, stop in RANGES:
        spool.write(start, memoryview(DATA)[start:stop])
    del spool
    return 0


def before_journal(work: Path) -> None:
    first = Journal(str(work / "numbers"), ABOUT)
    first.add((id, measured(id)) for id in FIRST)
    first.write()
    (work / "numbers").chmod(0o600)


def before_cache(work: Path) -> None:
    spool = Spool(len(DATA), "x", work / "cache" / "k.bytes")
    spool.write(100, memoryview(DATA)[100:2_000])


def check_journal(work: Path, ended: bool) -> None:
    found = Journal(str(work / "numbers"), ABOUT).known
    every = {id: measured(id) for id in (*FIRST, *SECOND)}
    assert found == every or (ended and found == {id: measured(id) for id in FIRST})
    assert (work / "numbers").stat().st_mode & 0o777 == 0o600


def check_cache(work: Path, ended: bool) -> None:
    again = Spool(len(DATA), "x", work / "cache" / "k.bytes")
    there = [place for place in range(0, len(DATA), 4) if not again.missing([(place, place + 4)])]
    content = (work / "cache" / "k.bytes").read_bytes()
    assert all(content[place : place + 4] == DATA[place : place + 4] for place in there)
    assert set(range(100, 2_000, 4)) <= set(there)
    assert ended or not again.missing(RANGES)


CASES: dict[str, tuple[Callable[[], int], Callable[[Path], None], Callable[[Path, bool], None]]] = {
    "journal": (journal, before_journal, check_journal),
    "cache": (cache, before_cache, check_cache),
}
WHOLE = {"journal": {"numbers"}, "cache": {"cache/", "cache/k.bytes", "cache/k.bytes.ranges"}}


def as_command(body: Callable[[], int]) -> Callable[[], None]:
    def main() -> None:
        try:
            command(body)()
        except typer.Exit as stop:
            sys.exit(stop.exit_code)

    return main


@pytest.mark.parametrize("case", CASES)
def test_what_is_read_back_is_what_was_written(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, prepare, check = CASES[case]
    monkeypatch.setattr(rowscope.cli, "main", as_command(body))
    work = tmp_path / "work"

    def fresh() -> None:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        prepare(work)

    fresh()
    code, steps, said = killing.run((), work)
    assert code == 0, said
    check(work, False)
    found = list(killing.points(steps))
    every = 1 if os.environ.get("ROWSCOPE_KILL_POINTS") == "all" else max(len(found) // SAMPLE, 1)
    for point in found[::every]:
        fresh()
        code, _, said = killing.run((), work, point)
        expect_code(point, code, said)
        left = set(killing.tree(work)) - WHOLE[case]
        killed = point.kind.startswith("SIGKILL")
        assert not [name for name in left if not (killed and re.fullmatch(PART, name))], (point, left)
        check(work, point.kind != "short")
    print(f"{case}: {len(steps)} steps, {len(found[::every])} points")


def expect_code(point: Point, code: int, said: str) -> None:
    """That of the event; a full disk is an error of one line, or a cache that keeps less."""
    assert "Traceback" not in said, (point, said)
    expected = EXIT.get(point.kind.split()[0])
    assert code == expected if expected is not None else code in (0, 2, 3, 5), (point, code, said)
