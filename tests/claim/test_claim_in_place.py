"""In-place claims and their undo: exact bytes, or a refusal that touches nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rowscope
from rowscope.inspector.claim import apply_claim, apply_claim_in_place, plan_claim, undo_claim
from rowscope.inspector.claim.applying.manifest import UNDO
from rowscope.inspector.errors import RefusedError

Make = Callable[..., Path]
Contents = Callable[[Path], dict[str, str]]


@pytest.mark.parametrize("layout", ["today", "older"])
@pytest.mark.parametrize("shards", [1, 2])
def test_in_place_is_what_a_new_folder_gets(
    tmp_path: Path, make: Make, contents: Contents, layout: str, shards: int
) -> None:
    source = make(tmp_path / "source", layout=layout, tied=False, shards=shards)
    before = contents(source)
    modes = {path.name: path.stat().st_mode for path in source.iterdir()}
    plan = plan_claim(source, ["<A>", "<B>"], replace={"<B>": "<|reserved_0|>"})
    apply_claim(plan, tmp_path / "out")
    result = apply_claim_in_place(plan)
    after = {name: hash for name, hash in contents(source).items() if not name.startswith(UNDO)}
    assert after == contents(tmp_path / "out")
    assert result.in_place
    assert result.undo == source / UNDO / "0001"
    undone = undo_claim(source)
    assert contents(source) == before
    assert {path.name: path.stat().st_mode for path in source.iterdir()} == modes
    assert dict(undone.tokens) == {claim.token: claim.id for claim in plan.claimed}
    assert undone.left == 0
    json.dumps([result.to_dict(), undone.to_dict()])


def test_a_created_file_is_removed_again(tmp_path: Path, make: Make, contents: Contents) -> None:
    source = make(tmp_path / "source", layout="older")
    for name in ("tokenizer.json", "added_tokens.json", "special_tokens_map.json"):
        (source / name).unlink()
    names = {
        "tokenizer_class": "GPT2Tokenizer",
        "unk_token": "<unk>",
        "bos_token": "<s>",
        "eos_token": "</s>",
    }
    (source / "tokenizer_config.json").write_text(json.dumps(names))
    before = contents(source)
    result = apply_claim_in_place(plan_claim(source, ["<A>"], values="keep"))
    assert result.written == ("added_tokens.json",)
    assert undo_claim(source).removed == ("added_tokens.json",)
    assert contents(source) == before


def test_claims_are_undone_one_by_one(tmp_path: Path, make: Make, contents: Contents) -> None:
    source = make(tmp_path / "source")
    states = [contents(source)]
    for token in ("<A>", "<B>"):
        apply_claim_in_place(plan_claim(source, [token]))
        states.append(contents(source))
    assert undo_claim(source).left == 1
    assert contents(source) == states[1]
    assert undo_claim(source).left == 0
    assert contents(source) == states[0]
    with pytest.raises(RefusedError, match="no in-place claim to undo"):
        undo_claim(source)


def touch_tokenizer(source: Path, patch: Any) -> None:
    path = source / "tokenizer.json"
    path.write_bytes(path.read_bytes() + b"\n")


def touch_row(source: Path, patch: Any) -> None:
    _flip(source / patch.file, patch.offset)


def touch_other_row(source: Path, patch: Any) -> None:
    _flip(source / patch.file, patch.offset - 1)


def lengthen(source: Path, patch: Any) -> None:
    path = source / patch.file
    path.write_bytes(path.read_bytes() + b"\0")


def remove(source: Path, patch: Any) -> None:
    (source / "tokenizer.json").unlink()


def relink(source: Path, patch: Any) -> None:
    path = source / "tokenizer.json"
    shutil.move(path, source.parent / "elsewhere")
    path.symlink_to(source.parent / "elsewhere")


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("touch", [touch_tokenizer, touch_row, touch_other_row, lengthen, remove, relink])
def test_what_others_changed_is_not_undone(
    tmp_path: Path, make: Make, contents: Contents, touch: Callable[[Path, Any], None]
) -> None:
    source = make(tmp_path / "source")
    plan = plan_claim(source, ["<A>"])
    apply_claim_in_place(plan)
    touch(source, plan.rows[0])
    before = contents(source)
    with pytest.raises(RefusedError, match="changed by something else"):
        undo_claim(source)
    assert contents(source) == before


@pytest.mark.parametrize("name", ["../victim", "/etc/hostname", "a/../../victim", ""])
@pytest.mark.parametrize("part", ["files", "shards"])
def test_a_manifest_cannot_reach_beyond_its_folder(tmp_path: Path, make: Make, name: str, part: str) -> None:
    source = make(tmp_path / "source")
    (tmp_path / "victim").write_text("mine")
    apply_claim_in_place(plan_claim(source, ["<A>"]))
    path = source / UNDO / "0001" / "manifest.json"
    document = json.loads(path.read_text())
    document[part][0]["name"] = name
    path.write_text(json.dumps(document))
    with pytest.raises(RefusedError, match="leaves the checkpoint's folder"):
        undo_claim(source)
    assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"rowscope_undo": 2}', b'{"rowscope_undo": 1}'])
def test_a_damaged_manifest(tmp_path: Path, make: Make, contents: Contents, damage: bytes) -> None:
    source = make(tmp_path / "source")
    apply_claim_in_place(plan_claim(source, ["<A>"]))
    (source / UNDO / "0001" / "manifest.json").write_bytes(damage)
    before = contents(source)
    with pytest.raises(RefusedError, match="no undo manifest that can be read"):
        undo_claim(source)
    assert contents(source) == before


def test_a_damaged_copy(tmp_path: Path, make: Make, contents: Contents) -> None:
    source = make(tmp_path / "source")
    apply_claim_in_place(plan_claim(source, ["<A>"]))
    _flip(source / UNDO / "0001" / "old-0", 5)
    before = contents(source)
    with pytest.raises(RefusedError, match="is damaged"):
        undo_claim(source)
    assert contents(source) == before


def test_shared_files_are_not_changed_in_place(tmp_path: Path, make: Make, contents: Contents) -> None:
    source = make(tmp_path / "source")
    before = contents(source)
    os.link(source / "model.safetensors", tmp_path / "other")
    with pytest.raises(RefusedError, match="hard links"):
        apply_claim_in_place(plan_claim(source, ["<A>"]))
    (tmp_path / "other").unlink()
    shutil.move(source / "tokenizer.json", tmp_path / "blob")
    (source / "tokenizer.json").symlink_to(tmp_path / "blob")
    with pytest.raises(RefusedError, match="is a link to"):
        apply_claim_in_place(plan_claim(source, ["<A>"]))
    assert contents(source) == before


def test_the_demo_is_not_changed_in_place() -> None:
    for path in ("demo", Path(rowscope.__file__).parent / "demo"):
        with pytest.raises(RefusedError, match="--out"):
            apply_claim_in_place(plan_claim(path, ["<NUM>"], values="keep"))


def test_an_interrupted_claim_must_be_undone_first(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source")
    apply_claim_in_place(plan_claim(source, ["<A>"]))
    (source / UNDO / "0001" / "COMPLETE").unlink()
    with pytest.raises(RefusedError, match="run 'rowscope undo' first"):
        apply_claim_in_place(plan_claim(source, ["<B>"]))


def test_a_source_that_changed_since_the_plan(tmp_path: Path, make: Make, contents: Contents) -> None:
    source = make(tmp_path / "source")
    plan = plan_claim(source, ["<A>"])
    for touch in (touch_row, touch_tokenizer):
        touch(source, plan.rows[0])
        before = contents(source)
        with pytest.raises(RefusedError, match="changed after the plan"):
            apply_claim_in_place(plan)
        assert contents(source) == before
