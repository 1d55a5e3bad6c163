"""A claim written into a new folder: absent, or marked incomplete, or whole, whenever it is looked at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rowscope.inspector.checkpoint import path_text
from rowscope.inspector.claim.applying.early import EarlyCopy
from rowscope.inspector.claim.applying.manifest import UNDO
from rowscope.inspector.claim.applying.verify import verify
from rowscope.inspector.claim.disk.disk import INCOMPLETE, Disk, changed
from rowscope.inspector.claim.disk.supported import require_calls
from rowscope.inspector.claim.disk.target import (
    MARKER,
    check_target,
    clear_temporary,
    make_temporary,
    not_made,
    temporary_name,
)
from rowscope.inspector.claim.disk.transfer import Link, check_link, copy_file, place_file, write_file
from rowscope.inspector.claim.edits.edits import decides_loading
from rowscope.inspector.claim.model import ClaimPlan, ClaimResult, check_plan
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.header import read_header
from rowscope.inspector.storage import local_file

_LEFT_OUT: Final = (".git", ".cache", UNDO)

_DEEPEST: Final = 32
"""Folders below folders that are copied."""


@dataclass
class _Writing:
    """A target under construction."""

    plan: ClaimPlan
    link: Link
    disk: Disk
    temporary: Path
    early: EarlyCopy | None
    placed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def apply_claim(
    plan: ClaimPlan,
    out: str | os.PathLike[str],
    *,
    link: Link = "auto",
    disk: Disk | None = None,
    early: EarlyCopy | None = None,
) -> ClaimResult:
    """Write the checkpoint with the claim into the new folder `out`.

    All of it is first written into a folder beside `out`, named `.<out>.rowscope-incomplete-<random>` and
    holding a marker, made durable, read back, and only then renamed: `out` is never there in part.

    Args:
        plan: of `plan_claim`; the files must not have changed since.
        out: a folder that does not exist, in one that does.
        link: how unchanged files get there: `hard` (links, large files alone), `reflink` (shared blocks),
            `copy`, or `auto`: the first that works of reflink, hard link and copy. Hard-linked files are the
            source's own: whoever later edits one in place edits both.
        disk: for tests.
        early: copies of weights files to the same target that were begun before the plan was made.

    Raises:
        UsageError: an unknown `link`.
        RefusedError: the target exists, or cannot be written, or the source has changed; nothing is left.
    """
    require_calls()
    check_plan(plan)
    check_link(link)
    disk = disk or Disk()
    target = Path(os.path.abspath(path_text(out)))
    check_target(plan.root, target)
    leftovers = list(_leftovers(target, early))
    temporary = early.take_over() if early is not None else temporary_name(target)
    writing = _Writing(plan, link, disk, temporary, early, notes=leftovers)
    try:
        if early is None:
            make_temporary(disk, temporary)
        _fill(writing)
        verify(plan, temporary)
        disk.unlink(temporary / MARKER)
        disk.sync_folder(temporary)
        disk.rename(temporary, target)
    except OSError as error:
        clear_temporary(disk, temporary)
        raise not_made(error, target) from error
    except BaseException:
        clear_temporary(disk, temporary)
        raise
    # The claim is whole and in its place: a failure to flush the parent folder is no reason to undo it.
    with suppress(OSError):
        disk.sync_folder(target.parent)
    return _result(writing, target)


def _leftovers(target: Path, early: EarlyCopy | None) -> Iterator[str]:
    """Folders that a claim to the same target left when it was killed."""
    for entry in sorted(target.parent.glob(f".{target.name}{INCOMPLETE}*")):
        if early is None or entry != early.temporary:
            yield f"an earlier claim was interrupted and left {str(entry)!r}; it can be removed"


def _fill(writing: _Writing) -> None:
    disk, temporary, plan = writing.disk, writing.temporary, writing.plan
    _place_folder(writing, plan.root, temporary, "")
    for edit in plan.files:
        source = plan.root / edit.name
        there = source.read_bytes() if source.exists() else None
        if there != edit.before:
            raise changed(str(source))
        mode = source.stat().st_mode & 0o7777 if there is not None else None
        write_file(disk, temporary / edit.name, edit.after, mode)
    for shard in plan.shards:
        patches = [patch for patch in plan.rows if patch.file == shard]
        if writing.early is None or not writing.early.finish(shard, patches):
            copy_file(disk, plan.root / shard, temporary / shard, patches)
    disk.sync_folder(temporary)


def _place_folder(writing: _Writing, source: Path, target: Path, prefix: str) -> None:
    """Every file of a folder that the plan does not change, and the folders in it."""
    plan = writing.plan
    made_here = {edit.name for edit in plan.files} | set(plan.shards)
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        name, origin = f"{prefix}{entry.name}", Path(entry.path)
        if name in made_here:
            continue
        if _left_out(entry.name):
            writing.notes.append(f"{name} was left out: it belongs to the source")
        elif entry.is_dir(follow_symlinks=False) and name.count("/") >= _DEEPEST:
            writing.notes.append(f"{name} was left out: it lies more than {_DEEPEST} folders deep")
        elif entry.is_dir(follow_symlinks=False):
            if not (target / entry.name).exists():  # an early copy may have made it
                writing.disk.make_folder(target / entry.name)
            _place_folder(writing, origin, target / entry.name, f"{name}/")
            writing.disk.sync_folder(target / entry.name)
        elif writing.early is not None and writing.early.finish(name, ()):
            writing.placed[name] = "copy"
        elif entry.is_symlink() and entry.is_file() and not _belongs(origin, writing):
            writing.notes.append(
                f"{name} was left out: it is a link to {os.readlink(origin)!r}, outside of the checkpoint; "
                "copy it yourself where you want it there"
            )
        elif entry.is_file():
            writing.placed[name] = place_file(writing.disk, origin, target / entry.name, writing.link)
        else:
            writing.notes.append(f"{name} was left out: no regular file, or a link to a folder or nowhere")


def _belongs(link: Path, writing: _Writing) -> bool:
    """Whether a link's content is part of the checkpoint: weights, a config or a tokenizer file, what lies in
    its folder, or where its weights lie (the blobs of the Hugging Face cache, a shared disk).

    Any other link may have come with a download, to have a private file copied to where it will be shared.
    """
    root, target = writing.plan.root, link.resolve()
    if (link.parent == root and decides_loading(link.name)) or _is_weights(link):
        return True
    return root.resolve() in target.parents or target.parent in _homes(root)


def _homes(root: Path) -> set[Path]:
    """Where links to weights lead."""
    links = [path for path in root.iterdir() if path.is_symlink()]
    return {path.resolve().parent for path in links if _is_weights(path)}


def _is_weights(path: Path) -> bool:
    """Whether a file is a safetensors file, not by its name alone."""
    if path.suffix != ".safetensors":
        return False
    try:
        read_header(local_file(path))
    except CheckpointError:
        return False
    return True


def _left_out(name: str) -> bool:
    return name in _LEFT_OUT or INCOMPLETE in name


def _result(writing: _Writing, target: Path) -> ClaimResult:
    plan, notes = writing.plan, list(writing.notes)
    if "hard" in writing.placed.values():
        linked = [name for name, how in writing.placed.items() if how == "hard"]
        notes.append(
            f"{', '.join(linked[:3])}{' and more' if len(linked) > 3 else ''} shared with the source by hard "
            "links: a program that edits such a file in place changes both (--link copy parts them)"
        )
    patched = {name: sum(len(p.after) for p in plan.rows if p.file == name) for name in plan.shards}
    return ClaimResult(
        out=target,
        in_place=False,
        claimed=plan.claimed,
        written=tuple(edit.name for edit in plan.files),
        patched=patched,
        placed=writing.placed,
        undo=None,
        cautions=plan.cautions,
        notes=tuple(notes),
    )
