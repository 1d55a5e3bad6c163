"""A claim written into the checkpoint itself, behind an undo manifest."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

import rowscope
from rowscope.inspector.claim.applying import known
from rowscope.inspector.claim.applying.manifest import COMPLETE, LIMIT, MANIFEST, UNDO, Manifest, manifest_of
from rowscope.inspector.claim.applying.undo import numbered, undo_newest
from rowscope.inspector.claim.applying.verify import verify
from rowscope.inspector.claim.disk.disk import INCOMPLETE, Disk, changed, refusal, remove_tree
from rowscope.inspector.claim.disk.inside import Inside
from rowscope.inspector.claim.disk.supported import require_calls
from rowscope.inspector.claim.disk.transfer import apply_patches, write_file
from rowscope.inspector.claim.model import ClaimPlan, ClaimResult, check_plan
from rowscope.inspector.errors import RefusedError, RowscopeError
from rowscope.inspector.frozen import record


def apply_claim_in_place(plan: ClaimPlan, *, disk: Disk | None = None) -> ClaimResult:
    """Write a claim into the checkpoint's own files.

    First an undo manifest is made durable in `.rowscope-undo/` of the folder: the old bytes of the rows,
    whole copies of the tokenizer files, hashes. Its own hash is noted in the user's state folder, since
    `undo_claim` believes no other manifest. Then the rows are patched and the tokenizer files replaced, and
    the manifest is marked complete. Killed at any moment, `undo_claim` restores the exact old bytes.

    Raises:
        RefusedError: a file is shared (a link, or one of several hard links), cannot be written, or changed
            after the plan was made; every byte is as it was, or the message names the undo.
    """
    require_calls()
    check_plan(plan)
    disk = disk or Disk()
    try:
        inside = Inside.of(plan.root)
    except OSError as error:
        raise refusal(error, f"No byte of {str(plan.root)!r} has changed", plan.root) from error
    with inside:
        _require_own(plan, inside)
        prepared = _prepare(disk, plan, inside)
        try:
            _patch(disk, plan, inside, prepared.name)
            verify(plan, plan.root)
            with inside.folder(f"{UNDO}/{prepared.name}") as folder:
                write_file(disk, COMPLETE, b"", at=folder.at)
                disk.sync_folder(folder.at)
        except OSError as error:
            raise refusal(error, _rolled_back(disk, inside, prepared), plan.root) from error
        except BaseException:
            _rolled_back(disk, inside, prepared)
            raise
    return _result(plan, prepared)


@record
class _Prepared:
    """An undo folder that is in place: its number, the hash of its manifest, why that could not be noted."""

    name: str
    digest: str
    trouble: str | None


def _result(plan: ClaimPlan, prepared: _Prepared) -> ClaimResult:
    folder = plan.root / UNDO / prepared.name
    option = "" if prepared.trouble is None else " --trust-manifest"
    back = f"'rowscope undo{option}' puts every byte back"
    notes = [f"{str(folder)!r} holds the old bytes: {back}; remove the folder once the claim is final"]
    if prepared.trouble is not None:
        notes.append(
            f"that this claim is yours could not be noted ({prepared.trouble}): hence --trust-manifest"
        )
    return ClaimResult(
        out=plan.root,
        in_place=True,
        claimed=plan.claimed,
        written=tuple(edit.name for edit in plan.files),
        patched={n: sum(len(p.after) for p in plan.rows if p.file == n) for n in plan.shards},
        placed={},
        undo=folder,
        cautions=plan.cautions,
        notes=tuple(notes),
    )


def _require_own(plan: ClaimPlan, inside: Inside) -> None:
    """Refuse files that others share, since they would change too, and links, which lead elsewhere."""
    if plan.path == "demo" or plan.root.resolve() == (Path(rowscope.__file__).parent / "demo").resolve():
        raise RefusedError(
            "the demo checkpoint is part of the installed package; claim with --out DIR", location=plan.path
        )
    for name in (*plan.shards, *(edit.name for edit in plan.files)):
        if inside.status(name) is None:
            continue
        file = inside.open(name)
        try:
            shared = os.fstat(file).st_nlink
        finally:
            os.close(file)
        if name in plan.shards and shared > 1:
            path = plan.root / name
            raise RefusedError(
                f"{str(path)!r} is one file under {shared} names (hard links), and all would "
                "change; claim with --out DIR --link copy",
                location=str(path),
            )
    pending = [name for name in numbered(inside) if inside.status(f"{UNDO}/{name}/{COMPLETE}") is None]
    if pending:
        raise RefusedError(
            f"{str(plan.root / UNDO / pending[-1])!r} is of a claim that was interrupted; "
            "run 'rowscope undo' first",
            location=str(plan.root / UNDO / pending[-1]),
        )


def _prepare(disk: Disk, plan: ClaimPlan, inside: Inside) -> _Prepared:
    """The undo folder, whole and durable under its final name; nothing of the checkpoint has changed."""
    made = numbered(inside)
    temporary, name = f"{INCOMPLETE}{secrets.token_hex(4)}", f"{int(made[-1]) + 1 if made else 1:04d}"
    try:
        manifest = manifest_of(plan, inside)
        _require_unchanged(plan, inside)
        raw = manifest.encode()
        digest = hashlib.sha256(raw).hexdigest()
        if inside.status(UNDO) is None:
            disk.make_folder(UNDO, inside.at)
            disk.sync_folder(inside.at)
        with inside.folder(UNDO) as home:
            disk.make_folder(temporary, home.at)
            with home.folder(temporary) as folder:
                _fill(disk, plan, manifest, folder.at)
                write_file(disk, MANIFEST, raw, at=folder.at)
                disk.sync_folder(folder.at)
            trouble = known.note(digest, plan.root)
            disk.rename(temporary, name, home.at, home.at)
            disk.sync_folder(home.at)
    except OSError as error:
        _discard(disk, temporary, name, inside)
        raise refusal(error, f"No byte of {str(plan.root)!r} has changed", plan.root) from error
    except BaseException:
        _discard(disk, temporary, name, inside)
        raise
    return _Prepared(name, digest, trouble)


def _fill(disk: Disk, plan: ClaimPlan, manifest: Manifest, at: int) -> None:
    for kept, edit in zip(manifest.files, plan.files, strict=True):
        if kept.kept is not None and edit.before is not None:
            write_file(disk, kept.kept, edit.before, kept.mode, at)
        write_file(disk, kept.new, edit.after, kept.mode, at)


def _discard(disk: Disk, temporary: str, name: str, inside: Inside) -> None:
    """Take away what was prepared, under either name: nothing has been changed by it yet."""
    with suppress(OSError, RefusedError), inside.folder(UNDO) as home:
        with suppress(OSError):
            disk.rename(name, temporary, home.at, home.at)
        with suppress(OSError):
            remove_tree(disk, temporary, home.at)
    with suppress(OSError):  # it may hold the manifest of an earlier claim
        disk.remove_folder(UNDO, inside.at)


def _require_unchanged(plan: ClaimPlan, inside: Inside) -> None:
    for edit in plan.files:
        there = inside.status(edit.name) is not None
        if (inside.read(edit.name, LIMIT) if there else None) != edit.before:
            raise changed(str(plan.root / edit.name))
    for patch in plan.rows:
        file = inside.open(patch.file)
        try:
            if os.pread(file, len(patch.before), patch.offset) != patch.before:
                raise changed(f"row {patch.id} of {patch.tensor!r}")
        finally:
            os.close(file)


def _patch(disk: Disk, plan: ClaimPlan, inside: Inside, name: str) -> None:
    for shard in plan.shards:
        file = inside.open(shard, os.O_RDWR)
        try:
            apply_patches(disk, file, [patch for patch in plan.rows if patch.file == shard], shard)
            disk.sync(file)
        finally:
            os.close(file)
    with inside.folder(f"{UNDO}/{name}") as folder:
        for place, edit in enumerate(plan.files):
            disk.rename(f"new-{place}", edit.name, folder.at, inside.at)
    disk.sync_folder(inside.at)


def _rolled_back(disk: Disk, inside: Inside, prepared: _Prepared) -> str:
    """Undo at once what was done; in words, what is in place now."""
    try:
        undo_newest(disk, inside, ours=prepared.digest)
    except (RowscopeError, OSError):
        option = "" if prepared.trouble is None else " --trust-manifest"
        return f"The claim was interrupted half-way: 'rowscope undo{option}' puts every byte back"
    return f"Every byte of {str(inside.path)!r} is as it was"
