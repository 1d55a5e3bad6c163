"""Undo of the last in-place claim: the exact old bytes, or a refusal with nothing touched."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from rowscope.inspector.checkpoint import locate
from rowscope.inspector.claim.applying.manifest import (
    UNDO,
    KeptFile,
    KeptShard,
    Manifest,
    hash_with_old_rows,
    read_manifest,
)
from rowscope.inspector.claim.disk.disk import INCOMPLETE, Disk, refusal, remove_tree
from rowscope.inspector.claim.disk.transfer import write_file
from rowscope.inspector.claim.model import UndoResult
from rowscope.inspector.errors import RefusedError

_NUMBER: Final = re.compile(r"\d{4,}")


def undo_claim(path: str | os.PathLike[str], *, disk: Disk | None = None) -> UndoResult:
    """Take back the last in-place claim, finished or interrupted.

    Every file must hold its old bytes, its new bytes, or, in the rows, a mixture of both as an interruption
    leaves it; the rest of each weights file must be unchanged (its whole hash is compared). An undo that is
    itself interrupted can be run again.

    Args:
        path: the checkpoint, as `open_checkpoint` takes it.
        disk: for tests.

    Raises:
        RefusedError: there is nothing to undo, or a file was changed since by something else.
    """
    root = locate(os.fsdecode(path)).root
    try:
        return undo_newest(disk or Disk(), root)
    except OSError as error:
        raise refusal(error, "Run 'rowscope undo' again once that is mended", root) from error


def numbered(root: Path) -> list[Path]:
    """Undo folders of a checkpoint, the newest last."""
    home = root / UNDO
    if not home.is_dir():
        return []
    found = [entry for entry in home.iterdir() if _NUMBER.fullmatch(entry.name) and entry.is_dir()]
    return sorted(found, key=lambda folder: int(folder.name))


def undo_newest(disk: Disk, root: Path) -> UndoResult:
    """Like `undo_claim`, for a folder; OSError passes."""
    folders = numbered(root)
    if not folders:
        raise RefusedError(
            f"{str(root)!r} holds no in-place claim to undo ({UNDO} is not there or empty); a claim with "
            "--out is undone by removing its folder",
            location=str(root),
        )
    folder = folders[-1]
    manifest = read_manifest(folder)
    for shard in manifest.shards:
        _require_ours(root, shard)
    wrong = [kept.name for kept in manifest.files if not _is_ours(root, kept)]
    if wrong:
        raise _foreign(root / wrong[0])
    for kept in manifest.files:
        if kept.kept is not None and _hash(folder / kept.kept) != kept.sha256_before:
            raise RefusedError(
                f"{str(folder / kept.kept)!r}, the old copy of {kept.name}, is damaged; restore the "
                "checkpoint from its source",
                location=str(folder / kept.kept),
            )
    _restore(disk, root, folder, manifest)
    _remove(disk, root, folder)
    return UndoResult(
        root=root,
        tokens=manifest.tokens,
        restored=(
            *(shard.name for shard in manifest.shards),
            *(kept.name for kept in manifest.files if kept.kept is not None),
        ),
        removed=tuple(kept.name for kept in manifest.files if kept.kept is None),
        left=len(folders) - 1,
    )


def _require_ours(root: Path, shard: KeptShard) -> None:
    path = root / shard.name
    if not path.is_file() or path.is_symlink() or path.stat().st_size != shard.size:
        raise _foreign(path)
    file = os.open(path, os.O_RDONLY)
    try:
        for region in shard.regions:
            now = os.pread(file, len(region.before), region.offset)
            mixed = zip(now, region.before, region.after, strict=True)
            if any(byte not in (old, new) for byte, old, new in mixed):
                raise _foreign(path)
    finally:
        os.close(file)
    if hash_with_old_rows(path, shard.regions) != shard.sha256_before:
        raise _foreign(path)


def _is_ours(root: Path, kept: KeptFile) -> bool:
    path = root / kept.name
    if path.is_symlink():
        return False
    found = _hash(path) if path.is_file() else None
    return found in (kept.sha256_before, kept.sha256_after)


def _hash(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _foreign(path: Path) -> RefusedError:
    return RefusedError(
        f"{str(path)!r} was changed by something else since the claim, so the old bytes no longer fit; "
        "nothing was restored: take the checkpoint from its source instead",
        location=str(path),
    )


def _restore(disk: Disk, root: Path, folder: Path, manifest: Manifest) -> None:
    """Put everything back; each step may already have been taken."""
    for shard in manifest.shards:
        file = os.open(root / shard.name, os.O_RDWR)
        try:
            for region in shard.regions:
                disk.write(file, region.before, region.offset)
            disk.sync(file)
        finally:
            os.close(file)
    for kept in manifest.files:
        path = root / kept.name
        if kept.kept is None:
            if path.exists():
                disk.unlink(path)
        elif _hash(path) != kept.sha256_before:
            staged = folder / f"back-{secrets.token_hex(4)}"
            write_file(disk, staged, (folder / kept.kept).read_bytes(), kept.mode)
            disk.rename(staged, path)
    disk.sync_folder(root)


def _remove(disk: Disk, root: Path, folder: Path) -> None:
    """Take the manifest away: first its name, so that half a folder is never taken for a whole one."""
    home = root / UNDO
    spent = home / f"{INCOMPLETE}{secrets.token_hex(4)}"
    disk.rename(folder, spent)
    disk.sync_folder(home)
    with suppress(OSError):  # what is left bears the name of something unfinished, and nothing reads it
        for entry in sorted(home.glob(f"{INCOMPLETE}*")):
            remove_tree(disk, entry)
        disk.remove_folder(home)
        disk.sync_folder(root)
