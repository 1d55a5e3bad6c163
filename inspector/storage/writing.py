"""A file written whole or not at all: under a name that nobody can guess beside its place, then renamed.

`--output`, `--write-baseline` and `mask --apply` come through here; a claim has its own, larger steps.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias

PART: Final = ".rowscope-{}.part"
"""Name of an unfinished file, with 16 random hexadecimal digits; only a killed process leaves one."""

PATIENCE: Final = 10.0
"""Seconds that a FIFO without a reader is waited for."""

_PIECE: Final = 1 << 28
_BELOW: Final = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")
_OWN: Final = re.compile(r"/dev/(?:fd/(\d+)|(stdout)|(stderr))|/proc/self/fd/(\d+)")
_NEW: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


Data: TypeAlias = bytes | Iterable[bytes]
"""A file's content: whole, or block by block, each made when it is written."""


def write_output(path: str, data: Data) -> None:
    """Write what the user asked for to a file, or to a stream that stands under its name.

    A descriptor of this process (`/dev/stdout`, `/dev/fd/N`), a FIFO and a character device are written to;
    everything else is as of `write_whole`.

    Raises:
        OSError: as the system gives it; nothing was written, or a stream took a part.
    """
    own = _OWN.fullmatch(path)
    if own is not None:
        number = 1 if own[2] else 2 if own[3] else int(own[1] or own[4])
        write_all(number, data)
        return
    status = _status(path, None)
    if status is not None and (stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode)):
        _write_stream(path, data)
        return
    write_whole(path, data)


def check_place(path: str) -> None:
    """Whether `write_output` could write there, as far as can be told without writing.

    Raises:
        OSError: no such folder, or one that lets nobody write; a folder or a socket has the name.
    """
    if _OWN.fullmatch(path):
        return
    folder, name = os.path.split(path)
    status = None if name in ("", ".", "..") else _status(path, None)
    if name in ("", ".", "..") or (status is not None and stat.S_ISDIR(status.st_mode)):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if status is not None and (stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode)):
        return
    if status is not None and not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), path)
    at = folder or os.curdir
    if not stat.S_ISDIR(os.stat(at).st_mode):
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    if not os.access(at, os.W_OK | os.X_OK):
        code = errno.EROFS if _read_only(at) else errno.EACCES
        raise OSError(code, os.strerror(code), path)


def _read_only(folder: str) -> bool:
    return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def write_whole(path: str | os.PathLike[str], data: Data) -> None:
    """Put a file with this content in its place: afterwards it is there in full, or nothing has changed.

    A file that is there gives the new one its permissions and, where the system allows it, its owner; a new
    one gets what the umask leaves. A link is replaced, never followed: what it led to stays as it is. The
    folder is opened once, so that all steps are taken in the same one. On any exception, KeyboardInterrupt
    among them, the unfinished file is removed.

    Raises:
        OSError: as the system gives it; EISDIR, ENXIO where a folder, a device or a socket has the name.
    """
    folder, name = os.path.split(os.fspath(path))
    if name in ("", ".", ".."):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    with _opened(folder or os.curdir) as at:
        name = name if at is not None else os.fspath(path)
        before = _status(name, at)
        if before is not None and not (stat.S_ISREG(before.st_mode) or stat.S_ISLNK(before.st_mode)):
            code = errno.EISDIR if stat.S_ISDIR(before.st_mode) else errno.ENXIO
            raise OSError(code, os.strerror(code), os.fspath(path))
        part = PART.format(os.urandom(8).hex())
        part = part if at is not None else os.path.join(folder, part)
        try:
            _write_part(part, at, data, before)
            os.replace(part, name, src_dir_fd=at, dst_dir_fd=at)
        except FileExistsError:  # the name is somebody else's
            raise
        except BaseException:
            with suppress(OSError):
                os.unlink(part, dir_fd=at)
            raise
        if at is not None:
            with suppress(OSError):  # the file is in its place; not every file system can flush a folder
                os.fsync(at)


def write_all(file: int, data: Data) -> None:
    """All of `data` to a descriptor, however little it takes at a time."""
    for block in (data,) if isinstance(data, bytes) else data:
        view = memoryview(block)
        while view:
            view = view[os.write(file, view[:_PIECE]) :]


@contextmanager
def _opened(folder: str) -> Iterator[int | None]:
    """The folder's descriptor; None where the system has no calls that start at one."""
    if not _BELOW:
        yield None
        return
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | getattr(os, "O_CLOEXEC", 0))
    try:
        yield at
    finally:
        os.close(at)


def _status(name: str, at: int | None) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _write_part(part: str, at: int | None, data: Data, before: os.stat_result | None) -> None:
    """The unfinished file, durable; nobody else can open what takes the place of a file kept from them."""
    regular = before is not None and stat.S_ISREG(before.st_mode)
    file = os.open(part, _NEW, 0o600 if regular else 0o666, dir_fd=at)
    try:
        write_all(file, data)
        if regular and before is not None:
            _keep_owner(file, before)
        os.fsync(file)
    finally:
        os.close(file)


def _keep_owner(file: int, before: os.stat_result) -> None:
    """Owner and permissions of the file that is replaced. Without the owner's leave the group may differ."""
    if not (hasattr(os, "fchown") and hasattr(os, "fchmod")):
        return
    now = os.fstat(file)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        with suppress(OSError):
            os.fchown(file, before.st_uid, before.st_gid)
    os.fchmod(file, before.st_mode & 0o777)


def _write_stream(path: str, data: Data) -> None:
    """Write to a FIFO or a character device; a FIFO must get a reader within `PATIENCE`."""
    flags = os.O_WRONLY
    for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_NOCTTY", "O_CLOEXEC"):
        flags |= getattr(os, name, 0)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            file = os.open(path, flags)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() >= until:
                raise
        time.sleep(0.05)
    try:
        mode = os.fstat(file).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
            raise OSError(errno.EAGAIN, "something else has its name now", path)
        os.set_blocking(file, True)
        write_all(file, data)
    finally:
        os.close(file)
