"""The folder that a claim makes: where it may be, what it is called until it is whole, how it is marked."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from rowscope.inspector.claim.disk.disk import INCOMPLETE, Disk, refusal, remove_tree
from rowscope.inspector.claim.disk.transfer import write_file
from rowscope.inspector.errors import RefusedError

MARKER: Final = "ROWSCOPE_INCOMPLETE"

_MARKER_TEXT: Final = b"This folder was being written by rowscope claim and is incomplete: remove it.\n"


def check_target(root: Path, target: Path) -> None:
    """Whether a claim can make `target` (absolute) from the checkpoint in `root`.

    Raises:
        RefusedError: it exists, is or lies inside the source, or its folder is missing.
    """
    source, real = root.resolve(), target.parent.resolve() / target.name
    if real == source or (target.exists() and target.resolve() == source):
        raise RefusedError(
            f"{str(target)!r} is the source itself; choose another folder, or use --in-place",
            location=str(target),
        )
    if source in real.parents:
        raise RefusedError(
            f"{str(target)!r} lies inside the source {str(root)!r}; choose a folder outside it",
            location=str(target),
        )
    if os.path.lexists(target):
        raise RefusedError(
            f"{str(target)!r} exists already, and a claim never writes over anything; choose another name",
            location=str(target),
        )
    if not target.parent.is_dir():
        raise RefusedError(
            f"{str(target.parent)!r} is not a folder that exists; create it first", location=str(target)
        )


def temporary_name(target: Path) -> Path:
    """A new name beside the target that says that the folder is not finished."""
    return target.parent / f".{target.name}{INCOMPLETE}{os.urandom(4).hex()}"


def make_temporary(disk: Disk, temporary: Path) -> None:
    """Make the folder with its marker, durable."""
    disk.make_folder(temporary)
    write_file(disk, temporary / MARKER, _MARKER_TEXT)
    disk.sync_folder(temporary)


def clear_temporary(disk: Disk, temporary: Path) -> None:
    """Remove what was written; what cannot be removed is marked as incomplete by its name."""
    with suppress(OSError):
        remove_tree(disk, temporary)


def not_made(error: OSError, target: Path) -> RefusedError:
    """The error for a step that the operating system refused."""
    return refusal(error, f"The source is untouched and {str(target)!r} was not made", target)
