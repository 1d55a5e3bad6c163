"""Every step that changes the disk, one method each, so that a test can end the process at any of them."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Final

from rowscope.inspector.claim.disk.copying import copy_range
from rowscope.inspector.errors import RefusedError

INCOMPLETE: Final = ".rowscope-incomplete-"
"""Part of the name of every folder that is not finished."""

Name = Path | str

_NEW: Final = (
    os.O_RDWR | os.O_CREAT | os.O_EXCL | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC"))
)
_FICLONE: Final = 0x40049409  # ioctl of Linux: share the blocks of another file until one is written to
_PIECE: Final = 1 << 28


class Disk:
    """The operating system's file operations as claims use them. Methods raise OSError.

    `at` is the descriptor of the folder that a name is looked up in; without one the name is a whole path.
    """

    def make_folder(self, path: Name, at: int | None = None) -> None:
        os.mkdir(path, dir_fd=at)

    def create(self, path: Name, mode: int = 0o666, at: int | None = None) -> int:
        """A new file, open for writing; it must not exist."""
        return os.open(path, _NEW, mode, dir_fd=at)

    def write(self, file: int, data: bytes, offset: int) -> None:
        """All of `data` at `offset`."""
        done = 0
        while done < len(data):
            done += os.pwrite(file, data[done : done + _PIECE], offset + done)

    def copy(self, source: int, target: int, start: int, stop: int) -> None:
        """Bytes `[start, stop)` from file to file."""
        copy_range(source, target, start, stop)

    def clone(self, source: int, target: int) -> None:
        """Make the empty file `target` share the blocks of `source` (reflink)."""
        if sys.platform != "linux":
            raise OSError(errno.EOPNOTSUPP, "no reflinks on this system")
        import fcntl

        fcntl.ioctl(target, _FICLONE, source)

    def link(self, source: Path, target: Path) -> None:
        os.link(source, target)

    def set_mode(self, file: int, mode: int) -> None:
        os.fchmod(file, mode)

    def sync(self, file: int) -> None:
        os.fsync(file)

    def sync_folder(self, path: Path | int) -> None:
        """Make the entries of a folder durable, given by its path or its descriptor."""
        if isinstance(path, int):
            os.fsync(path)
            return
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def rename(
        self, source: Name, target: Name, source_at: int | None = None, target_at: int | None = None
    ) -> None:
        """Put `source` in the place of `target`, in one step."""
        os.rename(source, target, src_dir_fd=source_at, dst_dir_fd=target_at)

    def unlink(self, path: Name, at: int | None = None) -> None:
        os.unlink(path, dir_fd=at)

    def remove_folder(self, path: Name, at: int | None = None) -> None:
        os.rmdir(path, dir_fd=at)


def remove_tree(disk: Disk, path: Name, at: int | None = None) -> None:
    """Remove a folder and all in it; links in it are removed, not followed, and so is one in its place."""
    if stat.S_ISLNK(os.stat(path, dir_fd=at, follow_symlinks=False).st_mode):
        disk.unlink(path, at)
        return
    folder = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0), dir_fd=at)
    try:
        for name in sorted(os.listdir(folder)):
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                remove_tree(disk, name, folder)
            else:
                disk.unlink(name, folder)
    finally:
        os.close(folder)
    disk.remove_folder(path, at)


_REASONS: Final = {
    errno.ENOSPC: "the disk is full; free space and run again",
    errno.EDQUOT: "the disk quota is used up; free space and run again",
    errno.EFBIG: "the file would exceed the largest size allowed here; choose another disk",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.EACCES: "permission denied; choose a place that you may write to",
    errno.EPERM: "operation not permitted; choose a place that you may write to",
    errno.ENOENT: "no such folder; create it first",
    errno.ENOTDIR: "a part of the path is no folder; choose another place",
    errno.EEXIST: "it exists already; choose another name",
    errno.ENOTEMPTY: "it exists already; choose another name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EXDEV: "it lies on another file system than the source; use --link copy",
    errno.EMLINK: "a file has too many links already; use --link copy",
}


def refusal(error: OSError, what: str, path: Path) -> RefusedError:
    """The error for a step that the operating system refused; `what` says what is in place now."""
    reason = _REASONS.get(error.errno or 0) or f"{error.strerror or error}; see what the system reports"
    where = error.filename2 or error.filename or str(path)
    return RefusedError(f"{os.fsdecode(where)!r}: {reason}. {what}", location=str(path))


def changed(what: str) -> RefusedError:
    """The error for bytes that are no longer as the plan found them, or as it wrote them."""
    return RefusedError(
        f"{what} changed after the plan was made; plan the claim again while nothing else writes there",
        location=what,
    )
