"""Files of this user alone: what is executed or believed must have been written by nobody else.

Checks are made on open descriptors, so that what is read is what was checked. Where the system has neither
owners nor permission bits (Windows) nothing can be checked, and whoever asks is told so by `CHECKED`.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

CHECKED: Final = hasattr(os, "geteuid") and hasattr(os, "O_NOFOLLOW") and os.open in os.supports_dir_fd

_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_READ: Final = os.O_RDONLY
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_CLOSED: Final = getattr(os, "O_CLOEXEC", 0)
_MOST_LINKS: Final = 40  # as Linux bounds a chain of them


class UntrustedError(PermissionError):
    """Somebody else can write there; the message says where and how to mend it."""


class PrivateFolder:
    """A folder that only this user and root can write to, held open; a context manager.

    Args:
        path: the folder; every folder that leads to it must be root's or the user's, and must keep others
            from exchanging what is in it.
        make: make it, and those that are missing above it, with mode 700.

    Raises:
        UntrustedError: somebody else can write there.
        OSError: it is not there, or cannot be made or opened.
    """

    def __init__(self, path: Path, *, make: bool = False) -> None:
        self.path = path
        if make:
            _make(path)
        if not CHECKED:
            self._at: int | None = None
            os.listdir(path)
            return
        _require_safe_way(path)
        self._at = os.open(path, _FOLDER | _CLOSED)
        try:
            _require_own(os.fstat(self._at), path)
        except BaseException:
            os.close(self._at)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._at is not None:
            os.close(self._at)

    def read(self, name: str, limit: int) -> bytes | None:
        """The content of a file; None for one that is not there, larger than `limit` bytes, no regular file,
        a link, or writable by anybody else. Never waits: a FIFO is opened without."""
        flags = _READ | _CLOSED | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            file = os.open(self._place(name), flags | getattr(os, "O_BINARY", 0), dir_fd=self._at)
        except OSError:
            return None
        try:
            status = os.fstat(file)
            _require_own(status, self.path / name)
            if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
                return None
            with os.fdopen(file, "rb", closefd=False) as opened:
                return opened.read(limit)
        except OSError:
            return None
        finally:
            os.close(file)

    def has(self, name: str) -> bool:
        """Whether `read` would give a file of that name."""
        try:
            status = os.stat(self._place(name), dir_fd=self._at, follow_symlinks=False)
            _require_own(status, self.path / name)
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode)

    def write(self, name: str, data: bytes, *, durable: bool = False) -> None:
        """A file with mode 600, whole or not at all; it takes the place of whatever has its name.

        Raises:
            OSError: as the system gives it.
        """
        part = f"{name}.{os.urandom(8).hex()}"
        try:
            self._fill(part, data, durable)
            places = self._place(part), self._place(name)
            os.replace(*places, src_dir_fd=self._at, dst_dir_fd=self._at)
        except BaseException:
            self.remove(part)
            raise
        if durable and self._at is not None:
            with suppress(OSError):
                os.fsync(self._at)

    def _fill(self, part: str, data: bytes, durable: bool) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOSED | getattr(os, "O_NOFOLLOW", 0)
        file = os.open(self._place(part), flags | getattr(os, "O_BINARY", 0), 0o600, dir_fd=self._at)
        try:
            if hasattr(os, "fchmod"):  # the umask may have taken the user's own rights
                os.fchmod(file, 0o600)
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
            if durable:
                os.fsync(file)
        finally:
            os.close(file)

    def remove(self, name: str) -> None:
        """Remove a file, or a link itself, where it is there and can be removed."""
        with suppress(OSError):
            os.unlink(self._place(name), dir_fd=self._at)

    def names(self) -> list[str]:
        """Names of everything in it."""
        return os.listdir(self.path if self._at is None else self._at)

    def _place(self, name: str) -> str:
        return str(self.path / name) if self._at is None else name


def _make(path: Path) -> None:
    """The folder and those above it that are missing, mode 700 whatever the umask."""
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = path.parent
    if missing and CHECKED:
        _require_safe_way(path)
        _require_steady(path)
    for folder in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
            os.chmod(folder, 0o700)


def _require_own(status: os.stat_result, path: Path) -> None:
    """Refuse what belongs to somebody else, or what others can write to."""
    if not CHECKED:
        return
    if status.st_uid not in (os.geteuid(), 0):
        raise UntrustedError(f"{str(path)!r} belongs to another user")
    if status.st_mode & _OTHERS:
        import shlex

        raise UntrustedError(f"others can write to {str(path)!r}: chmod go-w {shlex.quote(str(path))}")


def _require_safe_way(path: Path) -> None:
    """Refuse a path that somebody else could turn elsewhere: its folders and links are looked at one by one.

    A folder that others can write to is safe where it is sticky, as /tmp is: there they cannot exchange what
    is not theirs.
    """
    at, left, links = Path("/"), list(reversed(path.absolute().parts[1:])), 0
    while left:
        _require_steady(at)
        name = left.pop()
        if name == "..":
            at = at.parent
            continue
        status = os.lstat(at / name)
        if not stat.S_ISLNK(status.st_mode):
            at = at / name
            continue
        links += 1
        if links > _MOST_LINKS or status.st_uid not in (os.geteuid(), 0):
            raise UntrustedError(f"the link {str(at / name)!r} belongs to another user, or leads in circles")
        target = Path(os.readlink(at / name))
        if target.is_absolute():
            at = Path("/")
        left += reversed(target.parts[1:] if target.is_absolute() else target.parts)


def _require_steady(folder: Path) -> None:
    status = os.stat(folder)
    if not status.st_mode & stat.S_ISVTX:
        _require_own(status, folder)
    elif status.st_uid not in (os.geteuid(), 0):
        raise UntrustedError(f"{str(folder)!r} belongs to another user")
