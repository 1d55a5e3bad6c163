"""A claim planned and written in one call: the same result as in two, and nothing left where it fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rowscope
from rowscope.inspector.claim import apply_claim, claim_into, plan_claim
from rowscope.inspector.claim.disk import copying
from rowscope.inspector.claim.disk.disk import Disk
from rowscope.inspector.errors import CheckpointError, RefusedError, UsageError

Make = Callable[..., Path]
Contents = Callable[[Path], dict[str, str]]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' files are small; copy them as large ones are."""
    monkeypatch.setattr(copying, "PIECE", 1 << 14)
    monkeypatch.setattr(copying, "DIRECT_FROM", 1)


@pytest.mark.parametrize("link", ["auto", "hard", "copy"])
@pytest.mark.parametrize("values", ["mean", "like:er", "keep"])
@pytest.mark.parametrize("shards", [1, 2])
def test_the_result_is_that_of_two_calls(
    tmp_path: Path, make: Make, contents: Contents, link: Any, values: str, shards: int
) -> None:
    source = make(tmp_path / "source", tied=False, shards=shards)
    names = ["<A>", "<B>"]
    recipe: dict[str, Any] = {"replace": {"<B>": "<|reserved_0|>"}, "values": values, "special": True}
    plan = plan_claim(source, names, **recipe)
    two = apply_claim(plan, tmp_path / "two", link=link)
    one = claim_into(source, names, tmp_path / "one", **recipe, link=link)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert one.claimed == two.claimed
    assert (one.written, one.patched, one.cautions) == (two.written, two.patched, two.cautions)
    assert one.placed == two.placed
    assert sorted(os.listdir(tmp_path)) == ["one", "source", "two"]


def test_it_is_part_of_the_api_and_takes_an_opened_checkpoint(tmp_path: Path, make: Make) -> None:
    checkpoint = rowscope.open_checkpoint(make(tmp_path / "source"))
    result = rowscope.claim_into(checkpoint, "<NUM>", tmp_path / "out")
    assert result.out == tmp_path / "out"
    assert "<NUM>" in (tmp_path / "out" / "tokenizer.json").read_text()


def test_shards_in_a_folder_of_their_own(tmp_path: Path, make: Make, contents: Contents) -> None:
    source = make(tmp_path / "source", shards=2)
    index = source / "model.safetensors.index.json"
    (source / "parts").mkdir()
    for shard in source.glob("*.safetensors"):
        shard.rename(source / "parts" / shard.name)
    index.write_text(index.read_text().replace('"model-', '"parts/model-'))
    apply_claim(plan_claim(source, "<NUM>"), tmp_path / "two", link="copy")
    claim_into(source, "<NUM>", tmp_path / "one", link="copy")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"tokens": ""}, UsageError),
        ({"values": "like:no such token"}, UsageError),
        ({"link": "soft"}, UsageError),
        ({"id": 3}, RefusedError),
        ({"out": "source/inside"}, RefusedError),
        ({"out": "missing/out"}, RefusedError),
        ({"path_or_checkpoint": "missing"}, CheckpointError),
    ],
)
def test_what_is_refused_leaves_nothing(
    tmp_path: Path,
    make: Make,
    contents: Contents,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    error: type[Exception],
) -> None:
    before = contents(make(tmp_path / "source"))
    monkeypatch.chdir(tmp_path)
    call: dict[str, Any] = {"path_or_checkpoint": "source", "tokens": "<NUM>", "out": "out"}
    with pytest.raises(error):
        claim_into(**(call | change))
    assert contents(tmp_path / "source") == before
    assert os.listdir(tmp_path) == ["source"]


class FailingDisk(Disk):
    """Fails at one kind of step."""

    def __init__(self, step: str, number: int) -> None:
        self.step, self.number = step, number

    def __getattribute__(self, name: str) -> Any:
        if name == object.__getattribute__(self, "step"):
            raise OSError(self.number, os.strerror(self.number))
        return object.__getattribute__(self, name)


@pytest.mark.parametrize(
    ("step", "number", "message"),
    [
        ("make_folder", errno.EROFS, "read-only"),
        ("create", errno.ENOSPC, "disk is full"),
        ("write", errno.ENOSPC, "disk is full"),
        ("copy", errno.ENOSPC, "disk is full"),
        ("copy", errno.EDQUOT, "quota"),
        ("set_mode", errno.EPERM, "not permitted"),
        ("rename", errno.ENOTEMPTY, "exists already"),
    ],
)
def test_what_the_system_refuses_leaves_nothing(
    tmp_path: Path, make: Make, contents: Contents, step: str, number: int, message: str
) -> None:
    source = make(tmp_path / "source", shards=2)
    before = contents(source)
    with pytest.raises(RefusedError, match=message) as caught:
        claim_into(source, "<NUM>", tmp_path / "out", link="copy", disk=FailingDisk(step, number))
    assert "The source is untouched" in caught.value.message
    assert contents(source) == before
    assert os.listdir(tmp_path) == ["source"]


class ShrinkingDisk(Disk):
    """Takes the last byte, which is in no row, from a weights file while it is copied."""

    def copy(self, source: int, target: int, start: int, stop: int) -> None:
        if os.readlink(f"/proc/self/fd/{source}").endswith(".safetensors"):
            os.truncate(f"/proc/self/fd/{source}", stop - 1)
        super().copy(source, target, start, stop)


def test_a_source_that_shrinks_while_it_is_copied(tmp_path: Path, make: Make) -> None:
    if not os.path.exists("/proc/self/fd"):
        pytest.skip("this system does not tell which file that is")
    source = make(tmp_path / "source")
    with pytest.raises(RefusedError, match="the source ended at byte"):
        claim_into(source, "<NUM>", tmp_path / "out", values="like:er", disk=ShrinkingDisk())
    assert os.listdir(tmp_path) == ["source"]


def test_a_row_that_changes_while_the_plan_is_made(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source")
    plan = plan_claim(source, "<NUM>")

    class LateDisk(Disk):
        """The row as it is copied is not the one that the plan has read."""

        def copy(self, source: int, target: int, start: int, stop: int) -> None:
            super().copy(source, target, start, stop)
            if stop > plan.rows[0].offset:
                os.pwrite(target, b"\xff\xff\xff", plan.rows[0].offset)

    with pytest.raises(RefusedError, match="changed after the plan"):
        claim_into(source, "<NUM>", tmp_path / "out", disk=LateDisk())
    assert os.listdir(tmp_path) == ["source"]
