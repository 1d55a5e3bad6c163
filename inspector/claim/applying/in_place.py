"""A claim written into the checkpoint itself, behind an undo manifest."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

import rowscope
from rowscope.inspector.claim.applying.manifest import COMPLETE, MANIFEST, UNDO, manifest_of
from rowscope.inspector.claim.applying.undo import numbered, undo_newest
from rowscope.inspector.claim.applying.verify import verify
from rowscope.inspector.claim.disk.disk import INCOMPLETE, Disk, changed, refusal, remove_tree
from rowscope.inspector.claim.disk.transfer import apply_patches, write_file
from rowscope.inspector.claim.model import ClaimPlan, ClaimResult
from rowscope.inspector.errors import RefusedError, RowscopeError

_RECOVER: Final = "'rowscope undo' puts every byte back"


def apply_claim_in_place(plan: ClaimPlan, *, disk: Disk | None = None) -> ClaimResult:
    """Write a claim into the checkpoint's own files.

    First an undo manifest is made durable in `.rowscope-undo/` of the folder: the old bytes of the rows,
    whole copies of the tokenizer files, hashes. Then the rows are patched and the tokenizer files replaced,
    and the manifest is marked complete. Killed at any moment, `undo_claim` restores the exact old bytes.

    Raises:
        RefusedError: a file is shared (a link, or one of several hard links), cannot be written, or changed
            after the plan was made; every byte is as it was, or the message names the undo.
    """
    disk = disk or Disk()
    root = plan.root
    _require_own(plan)
    folder = _prepare(disk, plan, root)
    try:
        disk.sync_folder(root / UNDO)
        _patch(disk, plan, root, folder)
        verify(plan, root)
        write_file(disk, folder / COMPLETE, b"")
        disk.sync_folder(folder)
    except OSError as error:
        raise refusal(error, _rolled_back(disk, root), root) from error
    except BaseException:
        _rolled_back(disk, root)
        raise
    return ClaimResult(
        out=root,
        in_place=True,
        claimed=plan.claimed,
        written=tuple(edit.name for edit in plan.files),
        patched={n: sum(len(p.after) for p in plan.rows if p.file == n) for n in plan.shards},
        placed={},
        undo=folder,
        cautions=plan.cautions,
        notes=(
            f"{str(folder)!r} holds the old bytes: {_RECOVER}; remove the folder once the claim is final",
        ),
    )


def _require_own(plan: ClaimPlan) -> None:
    """Refuse files that others share: they would change too."""
    if plan.path == "demo" or plan.root.resolve() == (Path(rowscope.__file__).parent / "demo").resolve():
        raise RefusedError(
            "the demo checkpoint is part of the installed package; claim with --out DIR", location=plan.path
        )
    for name in (*plan.shards, *(edit.name for edit in plan.files)):
        path = plan.root / name
        if path.is_symlink():
            raise RefusedError(
                f"{str(path)!r} is a link to {os.readlink(path)!r} (the Hugging Face cache shares files so); "
                "claim with --out DIR",
                location=str(path),
            )
    for name in plan.shards:
        path = plan.root / name
        if path.stat().st_nlink > 1:
            raise RefusedError(
                f"{str(path)!r} is one file under {path.stat().st_nlink} names (hard links), and all would "
                "change; claim with --out DIR --link copy",
                location=str(path),
            )
    pending = [folder for folder in numbered(plan.root) if not (folder / COMPLETE).exists()]
    if pending:
        raise RefusedError(
            f"{str(pending[-1])!r} is of a claim that was interrupted; run 'rowscope undo' first",
            location=str(pending[-1]),
        )


def _prepare(disk: Disk, plan: ClaimPlan, root: Path) -> Path:
    """The undo folder, whole and durable under its final name; nothing of the checkpoint has changed."""
    home = root / UNDO
    made = numbered(root)
    temporary = home / f"{INCOMPLETE}{secrets.token_hex(4)}"
    folder = home / f"{int(made[-1].name) + 1 if made else 1:04d}"
    try:
        manifest = manifest_of(plan)
        _require_unchanged(plan)
        if not home.is_dir():
            disk.make_folder(home)
            disk.sync_folder(root)
        disk.make_folder(temporary)
        for kept, edit in zip(manifest.files, plan.files, strict=True):
            if kept.kept is not None and edit.before is not None:
                write_file(disk, temporary / kept.kept, edit.before, kept.mode)
            write_file(disk, temporary / kept.new, edit.after, kept.mode)
        write_file(disk, temporary / MANIFEST, manifest.encode())
        disk.sync_folder(temporary)
        disk.rename(temporary, folder)
    except OSError as error:
        _discard(disk, temporary, home)
        raise refusal(error, f"No byte of {str(root)!r} has changed", root) from error
    except BaseException:
        _discard(disk, temporary, home)
        raise
    return folder


def _discard(disk: Disk, temporary: Path, home: Path) -> None:
    with suppress(OSError):
        remove_tree(disk, temporary)
    with suppress(OSError):  # it may hold the manifest of an earlier claim
        disk.remove_folder(home)


def _require_unchanged(plan: ClaimPlan) -> None:
    for edit in plan.files:
        path = plan.root / edit.name
        if (path.read_bytes() if path.exists() else None) != edit.before:
            raise changed(str(path))
    for patch in plan.rows:
        with open(plan.root / patch.file, "rb") as file:
            file.seek(patch.offset)
            if file.read(len(patch.before)) != patch.before:
                raise changed(f"row {patch.id} of {patch.tensor!r}")


def _patch(disk: Disk, plan: ClaimPlan, root: Path, folder: Path) -> None:
    for name in plan.shards:
        file = os.open(root / name, os.O_RDWR)
        try:
            apply_patches(disk, file, [patch for patch in plan.rows if patch.file == name], name)
            disk.sync(file)
        finally:
            os.close(file)
    for place, edit in enumerate(plan.files):
        disk.rename(folder / f"new-{place}", root / edit.name)
    disk.sync_folder(root)


def _rolled_back(disk: Disk, root: Path) -> str:
    """Undo at once what was done; in words, what is in place now."""
    try:
        undo_newest(disk, root)
    except (RowscopeError, OSError):
        return f"The claim was interrupted half-way: {_RECOVER}"
    return f"Every byte of {str(root)!r} is as it was"
