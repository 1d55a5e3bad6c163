"""A store that somebody else made: nothing outside of it changes, nothing in it is waited for."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from tests.fleet.made import zoo

import rowscope
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.fleet import fleet_status

pytest.importorskip("pyarrow", reason="extra table")

STATE = {"engine": "local", "workers": 1, "shard": None, "total": 1, "host": "x", "pid": 1, "started": 1.0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint in `zoo` and what a run says of it in `store`."""
    root = tmp_path_factory.mktemp("hostile-store")
    rowscope.fleet(zoo(root / "zoo", 1), root / "store", workers=1)
    return root


@pytest.fixture
def store(tmp_path: Path, made: Path) -> Path:
    """A copy of the store."""
    return Path(shutil.copytree(made / "store", tmp_path / "store"))


@pytest.mark.parametrize("name", ["parts", "rows", "runs"])
def test_a_link_in_a_folders_place_is_refused(store: Path, tmp_path: Path, made: Path, name: str) -> None:
    home = tmp_path / "home"
    for folder in ("documents", "20200101-000000-0123abcd"):
        (home / folder).mkdir(parents=True)
        (home / folder / "file").write_text("kept")
        os.utime(home / folder, (0, 0))
    if (store / name).exists():
        (store / name).rename(tmp_path / "away")
    (store / name).symlink_to(home)
    with pytest.raises(RefusedError, match=r"is a link.*give another --out"):
        rowscope.fleet(made / "zoo", store, workers=1)
    assert [path.read_text() for path in home.glob("*/file")] == ["kept", "kept"]


def test_only_scratch_folders_of_runs_are_tidied_away(store: Path, made: Path) -> None:
    for name in ("documents", "20200101-000000-0123abcd"):
        (store / "runs" / name).mkdir()
        os.utime(store / "runs" / name, (0, 0))
    rowscope.fleet(made / "zoo", store, workers=1)
    assert (store / "runs/documents").is_dir()
    assert not (store / "runs/20200101-000000-0123abcd").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"updated": "now"},
        {"pid": 2**70, "updated": time.time()},
        {"pid": -1},
        {"now": "x"},
        {"bytes": "9" * 5_000},
        {"started": []},
        {"total": 10**300},
    ],
)
def test_what_no_run_said_is_passed_over(store: Path, changes: dict[str, object]) -> None:
    before = len(fleet_status(store).ended)
    host = {"host": os.uname().nodename}
    (store / "runs/20300101-000000-0123abcd.json").write_text(json.dumps({**STATE, **host, **changes}))
    status = fleet_status(store)
    assert (len(status.ended), len(status.running)) == (before, 0)
    json.dumps(status.to_dict(), allow_nan=False)


def test_nothing_is_waited_for(store: Path, made: Path) -> None:
    os.mkfifo(store / "runs/20300101-000000-0123abcd.json")
    (store / "runs/20300101-000000-0123abce.json").symlink_to("/dev/zero")
    os.mkfifo(store / "parts/0123456789abcdef.-.-.failed-none.parquet")
    assert len(fleet_status(store).ended) == 1
    assert rowscope.fleet(made / "zoo", store, workers=1).unchanged == 1


def test_a_hostile_checkpoint_is_one_failure(tmp_path: Path) -> None:
    root = zoo(tmp_path / "zoo", 2)
    config = root / sorted(os.listdir(root))[0] / "config.json"
    config.write_text('{"vocab_size": ' + "9" * 4_000 + "}")
    found = rowscope.fleet(root, tmp_path / "out", workers=1)
    assert (found.checkpoints, found.audited) == (2, 2)
    assert len(found.partial) == 1
    assert "4,000 digits" in found.partial[0].message
