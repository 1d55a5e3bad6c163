"""Files brought into a target: written, linked, cloned or copied, and made durable."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from rowscope.inspector.claim.disk.disk import Disk, changed
from rowscope.inspector.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from rowscope.inspector.claim.model import RowPatch

Link = Literal["auto", "hard", "reflink", "copy"]

LINKS: Final = ("auto", "hard", "reflink", "copy")

_NO_LINK: Final = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES)

# Smaller files are edited by hand now and then, which a hard link would carry into the source.
_LINKED_FROM: Final = 1 << 20


def check_link(link: str) -> None:
    """Raises UsageError: none of `LINKS`."""
    if not isinstance(link, str) or link not in LINKS:
        raise UsageError(f"--link {link!r}: choose {', '.join(LINKS)}", location="--link")


def write_file(
    disk: Disk, path: Path | str, data: bytes, mode: int | None = None, at: int | None = None
) -> None:
    """A new file with this content, durable; `mode` sets its permissions exactly.

    `at` is the descriptor of the folder that it is made in; without one `path` is the whole path.
    """
    # Nobody else may open what takes the place of a file kept from them.
    file = disk.create(path, 0o666 if mode is None else 0o600, at)
    try:
        disk.write(file, data, 0)
        if mode is not None:
            disk.set_mode(file, mode)
        disk.sync(file)
    finally:
        os.close(file)


def place_file(disk: Disk, source: Path, target: Path, link: Link) -> str:
    """Bring an unchanged file into the target; returns `hard`, `reflink` or `copy`.

    A link in the source (the Hugging Face cache links into its blobs) is followed and its content copied:
    the target never shares a file with the cache.

    Raises:
        RefusedError: `link` asks for what the file systems cannot do.
    """
    large = source.stat().st_size >= _LINKED_FROM
    if link == "hard" and large and not source.is_symlink():
        _hard(disk, source, target)
        return "hard"
    if link in ("auto", "reflink") and _cloned(disk, source, target):
        return "reflink"
    if link == "reflink":
        raise RefusedError(
            f"--link reflink: the file system cannot share blocks of {str(source)!r}; use --link auto",
            location="--link",
        )
    if link == "auto" and large and not source.is_symlink() and _linked(disk, source, target):
        return "hard"
    copy_file(disk, source, target)
    return "copy"


def _hard(disk: Disk, source: Path, target: Path) -> None:
    try:
        disk.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        raise RefusedError(
            f"--link hard: {str(source)!r} cannot be linked there ({error.strerror}); use --link auto",
            location="--link",
        ) from error


def _linked(disk: Disk, source: Path, target: Path) -> bool:
    try:
        disk.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return False
    return True


def _cloned(disk: Disk, source: Path, target: Path) -> bool:
    """Whether a reflink was made; an attempt that fails leaves nothing behind."""
    origin = os.open(source, os.O_RDONLY)
    try:
        file = disk.create(target)
        try:
            disk.clone(origin, file)
            disk.set_mode(file, stat.S_IMODE(os.fstat(origin).st_mode))
            disk.sync(file)
            return True
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
                raise
        finally:
            os.close(file)
        disk.unlink(target)
        return False
    finally:
        os.close(origin)


def copy_file(disk: Disk, source: Path, target: Path, patches: Sequence[RowPatch] = ()) -> None:
    """A durable copy with the same permissions, with rows patched in it.

    Raises:
        RefusedError: the bytes to patch are no longer those of the plan.
    """
    origin = os.open(source, os.O_RDONLY)
    try:
        file = disk.create(target)
        try:
            status = os.fstat(origin)
            disk.copy(origin, file, 0, status.st_size)
            apply_patches(disk, file, patches, str(source))
            disk.set_mode(file, stat.S_IMODE(status.st_mode))
            disk.sync(file)
        finally:
            os.close(file)
    finally:
        os.close(origin)


def apply_patches(disk: Disk, file: int, patches: Sequence[RowPatch], name: str) -> None:
    """Write the new bytes of rows over the old ones, which must still be those of the plan."""
    for patch in patches:
        if os.pread(file, len(patch.before), patch.offset) != patch.before:
            raise changed(f"row {patch.id} of {patch.tensor!r} in {name}")
        disk.write(file, patch.after, patch.offset)
