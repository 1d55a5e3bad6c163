"""Undo of the last in-place claim: the exact old bytes, or a refusal with nothing touched."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Final

from rowscope.inspector.checkpoint import locate, open_checkpoint, path_text
from rowscope.inspector.claim.applying import known
from rowscope.inspector.claim.applying.harmless import require_harmless
from rowscope.inspector.claim.applying.manifest import (
    LIMIT,
    MANIFEST,
    UNDO,
    UNKNOWN_LIMIT,
    KeptFile,
    KeptShard,
    Manifest,
    hash_with_old_rows,
    read_manifest,
)
from rowscope.inspector.claim.disk.disk import INCOMPLETE, Disk, refusal
from rowscope.inspector.claim.disk.inside import Inside
from rowscope.inspector.claim.disk.supported import require_calls
from rowscope.inspector.claim.disk.transfer import write_file
from rowscope.inspector.claim.model import UndoResult
from rowscope.inspector.errors import RefusedError, RowscopeError

_NUMBER: Final = re.compile(r"[0-9]{4,9}")


def undo_claim(
    path: str | os.PathLike[str], *, trust_manifest: bool = False, disk: Disk | None = None
) -> UndoResult:
    """Take back the last in-place claim, finished or interrupted.

    Every file must hold its old bytes, its new bytes, or, in the rows, a mixture of both as an interruption
    leaves it; the rest of each weights file must be unchanged (its whole hash is compared). An undo that is
    itself interrupted can be run again. No link is followed, and permissions stay as they are.

    Args:
        path: the checkpoint, as `open_checkpoint` takes it.
        trust_manifest: act on a manifest that no claim of this user wrote, as far as it changes tokenizer
            files and rows of the vocabulary tables.
        disk: for tests.

    Raises:
        RefusedError: there is nothing to undo, the manifest is not this user's, or a file was changed since
            by something else.
    """
    require_calls()
    where = path_text(path)
    root = locate(where).root
    try:
        with Inside.of(root) as inside:
            return undo_newest(disk or Disk(), inside, trusted=where if trust_manifest else None)
    except OSError as error:
        raise refusal(error, "Run 'rowscope undo' again once that is mended", root) from error


def numbered(inside: Inside) -> list[str]:
    """Names of the undo folders of a checkpoint, the newest last.

    Raises:
        RefusedError: their folder is a link, or no folder.
    """
    if inside.status(UNDO) is None:
        return []
    with inside.folder(UNDO) as home:
        found = [name for name in home.names() if _NUMBER.fullmatch(name) and _is_folder(home, name)]
    return sorted(found, key=int)


def _is_folder(home: Inside, name: str) -> bool:
    status = home.status(name)
    return status is not None and stat.S_ISDIR(status.st_mode)


def undo_newest(
    disk: Disk, inside: Inside, *, trusted: str | None = None, ours: str | None = None
) -> UndoResult:
    """Like `undo_claim`, for a folder that is held open; OSError passes.

    Args:
        trusted: the checkpoint's path, where a manifest of unknown origin may be acted on.
        ours: SHA-256 of a manifest that this very process wrote.
    """
    names = numbered(inside)
    if not names:
        raise RefusedError(
            f"{str(inside.path)!r} holds no in-place claim to undo ({UNDO} is not there or empty); a claim "
            "with --out is undone by removing its folder",
            location=str(inside.path),
        )
    with inside.folder(f"{UNDO}/{names[-1]}") as folder, ExitStack() as stack:
        manifest = _read(folder, inside, trusted, ours)
        shards = {shard.name: _opened(stack, inside, shard) for shard in manifest.shards}
        _require_restorable(inside, folder, manifest, shards)
        _restore(disk, inside, folder, manifest, shards)
    _remove(disk, inside, names[-1])
    return UndoResult(
        root=inside.path,
        tokens=manifest.tokens,
        restored=(
            *(shard.name for shard in manifest.shards),
            *(kept.name for kept in manifest.files if kept.kept is not None),
        ),
        removed=tuple(kept.name for kept in manifest.files if kept.kept is None),
        left=len(names) - 1,
    )


def _read(folder: Inside, inside: Inside, trusted: str | None, ours: str | None) -> Manifest:
    """The manifest, where it may be acted on."""
    path = folder.path / MANIFEST
    status = folder.status(MANIFEST)
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise RefusedError(
            f"{str(path)!r} is no regular file, and no claim wrote it; take the checkpoint from its source",
            location=str(path),
        )
    digest = _hash(folder, MANIFEST) or ""
    own = digest in ("", ours) or known.is_noted(digest)
    raw = folder.read(MANIFEST, LIMIT if own else UNKNOWN_LIMIT) if digest else b""
    manifest = read_manifest(raw, path)
    if hashlib.sha256(raw).hexdigest() != digest:
        raise _foreign(folder, MANIFEST)
    if own:
        return manifest
    if trusted is None:
        raise RefusedError(_unknown(inside, manifest), location=str(path))
    require_harmless(manifest, open_checkpoint(trusted))
    return manifest


def _unknown(inside: Inside, manifest: Manifest) -> str:
    files = [*(kept.name for kept in manifest.files), *(shard.name for shard in manifest.shards)]
    named = ", ".join(map(repr, files[:4])) + (" and more" if len(files) > 4 else "")
    return (
        f"the undo manifest in {str(inside.path / UNDO)!r} was not written by a claim of yours here: it may "
        f"have come with the folder. It would change {named or 'nothing'}; nothing was changed. If you know "
        "who made it, add --trust-manifest"
    )


def _opened(stack: ExitStack, inside: Inside, shard: KeptShard) -> int:
    """A weights file open for writing, which must be the claim's and nobody else's."""
    path = inside.path / shard.name
    status = inside.status(shard.name)
    if status is None or not stat.S_ISREG(status.st_mode) or status.st_size != shard.size:
        raise _foreign(inside, shard.name)
    file = inside.open(shard.name, os.O_RDWR)
    stack.callback(os.close, file)
    if os.fstat(file).st_nlink > 1:
        raise RefusedError(
            f"{str(path)!r} is one file under {os.fstat(file).st_nlink} names (hard links), and all would "
            "change; copy it to a file of its own first",
            location=str(path),
        )
    for region in shard.regions:
        now = os.pread(file, len(region.before), region.offset)
        mixed = zip(now, region.before, region.after, strict=False)
        if len(now) != len(region.before) or any(byte not in (old, new) for byte, old, new in mixed):
            raise _foreign(inside, shard.name)
    if hash_with_old_rows(file, shard.regions) != shard.sha256_before:
        raise _foreign(inside, shard.name)
    return file


def _require_restorable(
    inside: Inside, folder: Inside, manifest: Manifest, shards: Mapping[str, int]
) -> None:
    for kept in manifest.files:
        if not _is_ours(inside, kept):
            raise _foreign(inside, kept.name)
    for kept in manifest.files:
        if kept.kept is not None and _hash(folder, kept.kept) != kept.sha256_before:
            raise RefusedError(
                f"{str(folder.path / kept.kept)!r}, the old copy of {kept.name}, is damaged; restore the "
                "checkpoint from its source",
                location=str(folder.path / kept.kept),
            )


def _is_ours(inside: Inside, kept: KeptFile) -> bool:
    try:
        return _hash(inside, kept.name) in (kept.sha256_before, kept.sha256_after)
    except RefusedError:  # a link, or no regular file
        return False


def _hash(folder: Inside, name: str) -> str | None:
    if folder.status(name) is None:
        return None
    with os.fdopen(folder.open(name), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _foreign(inside: Inside, name: str) -> RefusedError:
    return RefusedError(
        f"{str(inside.path / name)!r} was changed by something else since the claim, so the old bytes no "
        "longer fit; nothing was restored: take the checkpoint from its source instead",
        location=str(inside.path / name),
    )


def _restore(
    disk: Disk, inside: Inside, folder: Inside, manifest: Manifest, shards: Mapping[str, int]
) -> None:
    """Put everything back; each step may already have been taken."""
    for shard in manifest.shards:
        for region in shard.regions:
            disk.write(shards[shard.name], region.before, region.offset)
        disk.sync(shards[shard.name])
    for kept in manifest.files:
        status = inside.status(kept.name)
        if kept.kept is None:
            if status is not None:
                disk.unlink(kept.name, inside.at)
        elif status is not None and _hash(inside, kept.name) != kept.sha256_before:
            staged = f"back-{secrets.token_hex(4)}"
            old = folder.read(kept.kept, LIMIT)
            write_file(disk, staged, old, stat.S_IMODE(status.st_mode) & 0o777, folder.at)
            disk.rename(staged, kept.name, folder.at, inside.at)
    disk.sync_folder(inside.at)


def _remove(disk: Disk, inside: Inside, name: str) -> None:
    """Take the manifest away: first its name, so that half a folder is never taken for a whole one."""
    with inside.folder(UNDO) as home:
        spent = f"{INCOMPLETE}{secrets.token_hex(4)}"
        disk.rename(name, spent, home.at, home.at)
        disk.sync_folder(home.at)
        for (
            entry
        ) in home.names():  # what is left bears the name of something unfinished, and nothing reads it
            if entry.startswith(INCOMPLETE):
                with suppress(OSError, RowscopeError):
                    _remove_flat(disk, home, entry)
    with suppress(OSError):
        disk.remove_folder(UNDO, inside.at)
        disk.sync_folder(inside.at)


def _remove_flat(disk: Disk, home: Inside, name: str) -> None:
    """Remove an undo folder, which holds files alone: one that holds folders is none, and stays."""
    with home.folder(name) as folder:
        for entry in folder.names():
            disk.unlink(entry, folder.at)
    disk.remove_folder(name, home.at)
