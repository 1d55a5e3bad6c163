"""A folder that somebody else made: its undo manifest is not believed, no link in it is written through."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rowscope.inspector.claim import apply_claim, apply_claim_in_place, plan_claim, undo_claim
from rowscope.inspector.claim.applying import known
from rowscope.inspector.claim.applying.manifest import UNDO
from rowscope.inspector.errors import RefusedError

Make = Callable[..., Path]
Contents = Callable[[Path], dict[str, str]]
Document = dict[str, Any]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """What is not the checkpoint's: a program and a file whose content is known to others."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "known.bin").write_bytes(bytes(64))
    (home / "notes.json").write_text("{}")
    return home


@pytest.fixture
def stranger(tmp_path: Path, make: Make, home: Path) -> Path:
    """A checkpoint that comes with a link to a folder."""
    source = make(tmp_path / "stranger")
    (source / "assets").symlink_to("../home")
    return source


def plant(source: Path, files: list[Document], shards: list[Document], **old: bytes) -> None:
    """An undo manifest as an attacker writes it."""
    folder = source / UNDO / "0001"
    folder.mkdir(parents=True)
    (folder / "COMPLETE").touch()
    for name, data in old.items():
        (folder / name.replace("_", "-")).write_bytes(data)
    document = {"rowscope_undo": 1, "tokens": [], "files": files, "shards": shards}
    (folder / "manifest.json").write_text(json.dumps(document))


def file(name: str, data: bytes, **more: object) -> Document:
    before = sha(data)
    entry = {"name": name, "kept": "old-0", "new": "new-0", "sha256_before": before, "sha256_after": before}
    return {**entry, "mode": 0o755, **more}


def shard(name: str, data: bytes, offset: int, before: bytes, after: bytes) -> Document:
    region = {"offset": offset, "before": before.hex(), "after": after.hex()}
    old = data[:offset] + before + data[offset + len(before) :]
    return {"name": name, "size": len(data), "sha256_before": sha(old), "regions": [region]}


def row_of(source: Path) -> tuple[bytes, int, bytes]:
    """The weights file, and the offset and bytes of a row that a claim could write."""
    patch = plan_claim(source, ["<A>"]).rows[0]
    return (source / patch.file).read_bytes(), patch.offset, patch.before


ATTACKS: dict[str, Callable[[Path], tuple[list[Document], list[Document]]]] = {
    "a program in another folder": lambda source: (
        [file("assets/run.sh", b"#!/bin/sh\n", sha256_after=None)],
        [],
    ),
    "a file in another folder": lambda source: (
        [file("assets/notes.json", b"#", sha256_after=sha(b"{}"))],
        [],
    ),
    "a file that goes": lambda source: (
        [file("assets/notes.json", b"", kept=None, sha256_before=None, sha256_after=sha(b"{}"))],
        [],
    ),
    "bytes in another folder": lambda source: (
        [],
        [shard("assets/known.bin", bytes(64), 8, b"evil", bytes(4))],
    ),
    "a file of the folder that no claim changes": lambda source: (
        [file("README.md", b"#!/bin/sh\n", sha256_after=sha(b"read me"))],
        [],
    ),
    "a new file": lambda source: ([file("setup.py", b"#!/bin/sh\n", sha256_after=None)], []),
    "weights that are no table": lambda source: (
        [],
        [shard("model.safetensors", (data := row_of(source)[0]), 16, b"x", data[16:17])],
    ),
    "half a row": lambda source: (
        [],
        [shard("model.safetensors", (row := row_of(source))[0], row[1] + 1, row[2][1:], row[2][1:])],
    ),
    "a bare file as weights": lambda source: ([], [shard("data.bin", bytes(9), 0, b"x", bytes(1))]),
}


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_manifest_that_came_with_the_folder(
    stranger: Path, home: Path, contents: Contents, attack: str, trust: bool
) -> None:
    (stranger / "README.md").write_text("read me")
    (stranger / "data.bin").write_bytes(bytes(9))
    files, shards = ATTACKS[attack](stranger)
    plant(stranger, files, shards, old_0=b"#!/bin/sh\n" if attack != "a file in another folder" else b"#")
    before = contents(home), contents(stranger)
    with pytest.raises(RefusedError):
        undo_claim(stranger, trust_manifest=trust)
    assert (contents(home), contents(stranger)) == before


def test_the_refusal_names_what_would_change_and_the_way_on(stranger: Path, contents: Contents) -> None:
    data, offset, row = row_of(stranger)
    after = (stranger / "tokenizer.json").read_bytes()
    mine = file("tokenizer.json", b"{}", sha256_after=sha(after), mode=0o4777)
    plant(stranger, [mine], [shard("model.safetensors", data, offset, bytes(len(row)), row)], old_0=b"{}")
    before = contents(stranger)
    with pytest.raises(RefusedError, match=r"'tokenizer.json', 'model.safetensors'.* add --trust-manifest"):
        undo_claim(stranger)
    assert contents(stranger) == before
    (stranger / "tokenizer.json").chmod(0o640)
    result = undo_claim(stranger, trust_manifest=True)
    assert result.restored == ("model.safetensors", "tokenizer.json")
    # Permissions are never the manifest's.
    assert stat.S_IMODE((stranger / "tokenizer.json").stat().st_mode) == 0o640
    assert (stranger / "tokenizer.json").read_bytes() == b"{}"
    assert (stranger / "model.safetensors").read_bytes()[offset : offset + len(row)] == bytes(len(row))


@pytest.mark.parametrize("where", [UNDO, f"{UNDO}/0001", f"{UNDO}/0001/manifest.json"])
def test_an_undo_folder_behind_a_link(
    tmp_path: Path, make: Make, contents: Contents, where: str, home: Path
) -> None:
    source = make(tmp_path / "source")
    apply_claim_in_place(plan_claim(source, ["<A>"]))
    (source / where).rename(home / "moved")
    (source / where).symlink_to(home / "moved")
    before = contents(source), contents(home)
    with pytest.raises(RefusedError):
        undo_claim(source)
    assert (contents(source), contents(home)) == before


@pytest.mark.parametrize("to", ["../home", "nowhere"])
def test_a_claim_in_place_makes_no_undo_folder_behind_a_link(
    stranger: Path, home: Path, contents: Contents, to: str
) -> None:
    (stranger / UNDO).symlink_to(to)
    before = contents(home), contents(stranger)
    with pytest.raises(RefusedError, match="is a link to"):
        apply_claim_in_place(plan_claim(stranger, ["<A>"]))
    assert (contents(home), contents(stranger)) == before


def test_a_folder_of_weights_behind_a_link(tmp_path: Path, make: Make, contents: Contents) -> None:
    """Shards may lie in folders: one that is a link leads out of the checkpoint."""
    source = make(tmp_path / "source", shards=2)
    shutil.move(source / "model-00001-of-00002.safetensors", tmp_path / "elsewhere.safetensors")
    (tmp_path / "weights").mkdir()
    shutil.move(tmp_path / "elsewhere.safetensors", tmp_path / "weights" / "a.safetensors")
    (source / "sub").symlink_to(tmp_path / "weights")
    index = source / "model.safetensors.index.json"
    index.write_text(index.read_text().replace("model-00001-of-00002.safetensors", "sub/a.safetensors"))
    plan = plan_claim(source, ["<A>"])
    before = contents(tmp_path)
    if "sub/a.safetensors" not in plan.shards:
        pytest.skip("the table is in the other shard")
    with pytest.raises(RefusedError, match="is a link to"):
        apply_claim_in_place(plan)
    assert contents(tmp_path) == before


def test_what_looks_like_a_left_over_is_not_removed_through_a_link(
    tmp_path: Path, make: Make, home: Path, contents: Contents
) -> None:
    """The undo removes what an interrupted one left; a link of such a name leads to somebody's files."""
    source = make(tmp_path / "source")
    apply_claim_in_place(plan_claim(source, ["<A>"]))
    (source / UNDO / ".rowscope-incomplete-1234").symlink_to(home)
    deep = source / UNDO / ".rowscope-incomplete-5678"
    deep.mkdir()
    (deep / "folder").symlink_to(home)
    before = contents(home)
    undo_claim(source)
    assert contents(home) == before


def test_weights_under_a_second_name_are_not_restored_in_place(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source")
    apply_claim_in_place(plan_claim(source, ["<A>"]))
    os.link(source / "model.safetensors", tmp_path / "other")
    before = (tmp_path / "other").read_bytes()
    with pytest.raises(RefusedError, match="hard links"):
        undo_claim(source)
    assert (tmp_path / "other").read_bytes() == before


def test_a_claim_can_be_undone_wherever_its_folder_went(
    tmp_path: Path, make: Make, contents: Contents
) -> None:
    source = make(tmp_path / "source")
    before = contents(source)
    apply_claim_in_place(plan_claim(source, ["<A>"]))
    notes = known.notes_folder()
    assert notes is not None
    assert stat.S_IMODE(notes.stat().st_mode) == 0o700
    assert len(list(notes.iterdir())) >= 1
    source.rename(tmp_path / "moved")
    undo_claim(tmp_path / "moved")
    assert contents(tmp_path / "moved") == before


@pytest.mark.parametrize("trouble", ["a file in the way", "others can write there"])
def test_a_state_folder_that_takes_nothing_is_said(
    tmp_path: Path, make: Make, contents: Contents, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    (tmp_path / "state").mkdir()
    if trouble == "a file in the way":
        (tmp_path / "state" / "rowscope").write_text("")
    else:
        (tmp_path / "state").chmod(0o777)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    source = make(tmp_path / "source")
    before = contents(source)
    result = apply_claim_in_place(plan_claim(source, ["<A>"]))
    assert "--trust-manifest" in result.notes[0]
    assert "could not be noted" in result.notes[1]
    with pytest.raises(RefusedError, match="--trust-manifest"):
        undo_claim(source)
    undo_claim(source, trust_manifest=True)
    assert contents(source) == before


def test_a_note_that_another_could_have_written_is_not_believed(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source")
    apply_claim_in_place(plan_claim(source, ["<A>"]))
    digest = sha((source / UNDO / "0001" / "manifest.json").read_bytes())
    notes = known.notes_folder()
    assert notes is not None
    (notes / f"{digest}.json").chmod(0o666)
    with pytest.raises(RefusedError, match="--trust-manifest"):
        undo_claim(source)


def test_a_new_folder_gets_no_private_file_through_a_link(stranger: Path, home: Path, tmp_path: Path) -> None:
    """A link in a download that leads elsewhere: its content would be shared with the claimed checkpoint."""
    (home / "key").write_text("secret")
    (stranger / "README.md").symlink_to(home / "key")
    (stranger / "key.safetensors").symlink_to(home / "key")
    (stranger / "docs").mkdir()
    (stranger / "docs" / "config.json").symlink_to(home / "key")
    (stranger / "own.md").symlink_to("tokenizer.json")
    result = apply_claim(plan_claim(stranger, ["<A>"]), tmp_path / "out")
    assert not (tmp_path / "out" / "README.md").exists()
    assert not (tmp_path / "out" / "docs" / "config.json").exists()
    assert (tmp_path / "out" / "own.md").is_file()
    assert not (tmp_path / "out" / "key.safetensors").exists()
    assert sum("outside of the checkpoint" in note for note in result.notes) == 3


def test_a_snapshot_of_the_cache_is_copied_with_its_blobs(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "models--a--b" / "snapshots" / "c0ffee")
    (source / "README.md").write_text("read me")
    blobs = tmp_path / "models--a--b" / "blobs"
    blobs.mkdir()
    for path in list(source.iterdir()):
        shutil.move(path, blobs / path.name)
        path.symlink_to(f"../../blobs/{path.name}")
    result = apply_claim(plan_claim(source, ["<A>"]), tmp_path / "out")
    assert (tmp_path / "out" / "README.md").read_text() == "read me"
    assert not [path for path in (tmp_path / "out").iterdir() if path.is_symlink()]
    assert not [note for note in result.notes if "left out" in note]


def test_folders_without_end_are_left_out(stranger: Path, tmp_path: Path) -> None:
    deep = stranger.joinpath(*["d"] * 900)
    deep.mkdir(parents=True)
    result = apply_claim(plan_claim(stranger, ["<A>"]), tmp_path / "out")
    assert any("folders deep" in note for note in result.notes)
