"""A fleet ended, or refused by the system, at every step that changes its store.

Nothing is half-written, nothing is left but a killed run's scratch folder, and the next run makes the store
what an undisturbed one leaves. `ROWSCOPE_KILL_POINTS=all` runs every point, by default a sample.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import killing
from tests.fleet.made import content, zoo
from tests.killing import EXIT, Point

parquet = pytest.importorskip("pyarrow.parquet", reason="extra table")

SAMPLE = 8
WORDS = ("fleet", "run", "zoo", "--out", "store", "--workers", "1")
WHOLE = [
    r"rowscope-fleet\.json",
    r"(checkpoints|matrices|findings|special_tokens)\.parquet",
    r"parts/[0-9a-f.-]+\.(audited|partial|failed)-\w+\.parquet",
    r"runs/[0-9]{8}-[0-9]{6}-[0-9a-f]{8}\.json",
    r"(parts|runs|rows)/",
]
SCRATCH = r"runs/[0-9]{8}-[0-9]{6}-[0-9a-f]{8}/([0-9a-f]{16})?"
MARKER = r"\.rowscope-[0-9a-f]{16}\.part"


class Serial:
    """An engine that works in the process of the run, whose steps are counted."""

    name, workers = "local", 1

    def now(self) -> list[str]:
        return []

    def submit(self, tasks: Iterator[object]) -> Iterator[object]:
        from rowscope.inspector.fleet.task import work

        for task in tasks:
            yield work(task)  # type: ignore[arg-type]


def write_bytes(path: Path, data: bytes) -> int:
    """As pathlib does it, by the calls that are watched."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        done = 0
        while done < len(data):
            done += os.write(file, data[done:])
    finally:
        os.close(file)
    return done


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two checkpoints and one that is broken."""
    from rowscope.inspector.fleet import run

    monkeypatch.setattr(run, "engine_named", lambda *given: Serial())
    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    home = tmp_path / "home"
    zoo(home / "zoo", 3, ("no header",))
    return home


def chosen(steps: list[str]) -> list[Point]:
    found = list(killing.points(steps))
    if os.environ.get("ROWSCOPE_KILL_POINTS") == "all":
        return found
    kinds = list(killing.KINDS)
    found.sort(key=lambda point: ((point.at * 7 + 3 * kinds.index(point.kind)) % len(kinds), point.at))
    return found[:: max(len(found) // SAMPLE, 1)]


def test_nothing_is_lost_and_nothing_is_left(home: Path) -> None:
    store = home / "store"
    code, steps, said = killing.run(WORDS, home)
    assert code == 3, said  # one of the checkpoints is broken
    expected = content(store)
    tried = chosen(steps)
    for point in tried:
        shutil.rmtree(store)
        code, _, said = killing.run(WORDS, home, point)
        check(point, code, said)
        check_files(store, point)
        assert killing.run(WORDS, home)[0] == 3, point
        assert content(store) == expected, point
        left = [name for name in killing.tree(store) if not any(re.fullmatch(form, name) for form in WHOLE)]
        # Of a run that had not said anything yet only its silence tells that it is dead.
        assert all(re.fullmatch(f"{MARKER}|{SCRATCH}", name) for name in left), (point, left)
    print(f"fleet: {len(steps)} steps, {len(tried)} points")


def check(point: Point, code: int, said: str) -> None:
    """The exit code is that of the event, and an error is one line; some steps may fail without harm."""
    assert "Traceback" not in said, (point, said)
    ended = EXIT.get(point.kind.split()[0])
    assert code in ((3, 5) if ended is None else (ended,)), (point, code, said)


def check_files(store: Path, point: Point) -> None:
    """What stands under a name of the store's is whole; besides there is scratch, where a run was killed."""
    if not store.exists():
        return
    killed = point.kind.startswith("SIGKILL")
    for name in killing.tree(store):
        if any(re.fullmatch(form, name) for form in (SCRATCH, MARKER)):
            assert killed, (point, name)
            continue
        assert any(re.fullmatch(form, name) for form in WHOLE), (point, name)
        if name.endswith(".parquet"):
            assert parquet.ParquetFile(store / name).metadata.num_rows >= 0
        elif name.endswith(".json"):
            assert json.loads((store / name).read_text())
