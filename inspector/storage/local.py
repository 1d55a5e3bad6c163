"""The local disk: small files read whole, large ones memory-mapped and released behind the reader."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from rowscope.inspector.errors import MalformedFileError
from rowscope.inspector.frozen import record
from rowscope.inspector.storage.closing import Closing
from rowscope.inspector.storage.interface import File, Kind, UnreadableError


@record
class LocalFolder:
    """A folder on the local disk: a `Folder`.

    Attributes:
        path: as the user gave it; messages spell files below it.
    """

    path: Path

    @property
    def location(self) -> str:
        return str(self.path)

    @property
    def traffic(self) -> None:
        return None

    def spell(self, name: str) -> str:
        return str(self.path / name)

    def names(self, below: str = "") -> tuple[str, ...]:
        try:
            return tuple(sorted(os.listdir(self.path / below)))
        except OSError as error:
            raise UnreadableError(
                f"cannot list {self.spell(below)!r}: {reason(error)}; check its permissions",
                why=reason(error),
                location=self.spell(below),
            ) from error

    def kind(self, name: str) -> Kind | None:
        try:
            mode = os.stat(self.path / name).st_mode
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL character
            return None
        except OSError as error:
            raise UnreadableError(
                f"cannot open {self.spell(name)!r}: {reason(error)}; check its permissions",
                why=reason(error),
                location=self.spell(name),
            ) from error
        return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"

    def below(self, name: str) -> LocalFolder:
        return LocalFolder(self.path / name)

    def above(self) -> tuple[LocalFolder, str] | None:
        whole = self.path.absolute()
        return (LocalFolder(whole.parent), whole.name) if whole.name else None

    def link(self, name: str) -> str | None:
        path = self.path / name
        return os.readlink(path) if path.is_symlink() else None

    def has(self, name: str) -> bool:
        return os.path.lexists(self.path / name)

    def head(self, name: str, start: int, stop: int) -> tuple[bytes, int]:
        return read_range(self.path / name, start, stop)

    def expect(self, heads: Mapping[str, int]) -> None:
        """Nothing to fetch."""

    def open(self, name: str) -> MappedFile:
        return MappedFile(self.path / name)

    def local(self, name: str = "") -> Path:
        return self.path / name


def local_file(path: str | os.PathLike[str]) -> File:
    """A file of the local disk that belongs to the user, not to a checkpoint: settings, a baseline."""
    path = Path(path)
    return File(LocalFolder(path.parent), path.name)


def read_range(path: Path, start: int, stop: int) -> tuple[bytes, int]:
    """Bytes `[start, stop)`, fewer at the end of the file, and the size of the whole file.

    Raises:
        UnreadableError: the path is not a readable regular file.
    """
    try:
        # O_NONBLOCK: opening a FIFO that nobody writes to would otherwise wait for ever.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError(
                    f"{str(path)!r} is {kind_of(status.st_mode)}, not a regular file; "
                    "give a .safetensors file or a checkpoint folder",
                    why=f"it is {kind_of(status.st_mode)}",
                    location=str(path),
                )
            file.seek(start)
            return file.read(stop - start), status.st_size
    except (OSError, ValueError) as error:
        raise UnreadableError(
            f"cannot read {str(path)!r}: {reason(error)}; check the path and its permissions",
            why=reason(error),
            location=str(path),
        ) from error


def reason(error: Exception) -> str:
    """Why the system refused, in its own words."""
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def kind_of(mode: int) -> str:
    """What `st_mode` says a path is, in words."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")


_MAPPED_AROUND = 8 << 20
"""Bytes before a range that are given back with it: the system maps up to 2 MiB around a page that is read,
and other threads are that far behind."""


class MappedFile(Closing):
    """Read-only mapping of a regular file; safe to read from several threads.

    Every `view` first asks the file's present size: touching a page behind a truncated end would kill
    the process with SIGBUS. A file cut within the microseconds between the check and the read is not
    covered; no user-space reader of a mapping can be.

    Raises:
        UnreadableError: the path is not a readable regular file.
        MalformedFileError: (`view`) the range lies outside the file, or the file was cut meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # O_NONBLOCK: opening a FIFO that nobody writes to would otherwise wait for ever.
            self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise UnreadableError(
                f"cannot open {str(path)!r}: {error.strerror}; check the path and its permissions",
                why=reason(error),
                location=str(path),
            ) from error
        try:
            status = os.fstat(self._fd)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError(
                    f"{str(path)!r} is not a regular file; give a .safetensors file or a checkpoint folder",
                    why=f"it is {kind_of(status.st_mode)}",
                    location=str(path),
                )
            self.size = status.st_size
            self.identity = (
                f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
            )
            self._map = mmap.mmap(self._fd, 0, access=mmap.ACCESS_READ) if self.size else None
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def location(self) -> str:
        return str(self.path)

    def view(self, start: int, stop: int) -> memoryview:
        """Bytes `[start, stop)` without a copy."""
        if not 0 <= start <= stop <= self.size:
            raise MalformedFileError(
                f"bytes {start}..{stop} lie outside {str(self.path)!r} of {self.size} bytes",
                location=str(self.path),
            )
        present = os.fstat(self._fd).st_size
        if present < stop:
            raise MalformedFileError(
                f"{str(self.path)!r} shrank from {self.size} to {present} bytes while it was read; "
                "wait until it is written completely and run again",
                location=str(self.path),
            )
        return memoryview(self._map)[start:stop] if self._map is not None else memoryview(b"")

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `[start, stop)` as a copy, without mapping them: for few bytes that lie far apart."""
        data = (
            os.pread(self._fd, stop - start, start) if hasattr(os, "pread") else bytes(self.view(start, stop))
        )
        if len(data) != stop - start:
            raise MalformedFileError(
                f"{str(self.path)!r} ended after {start + len(data)} of {stop} bytes while it was read; "
                "wait until it is written completely and run again",
                location=str(self.path),
            )
        return data

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """`read` of each range, in their order."""
        return [self.read(start, stop) for start, stop in ranges]

    def holds(self, start: int, stop: int) -> bool:
        """Always: the disk is near."""
        return True

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Nothing to fetch."""

    def release(self, start: int, stop: int) -> None:
        """Tell the system that the whole pages within `[start, stop)` are done with.

        Mapped pages count as resident memory of the process: without this a scan's footprint grows to
        the size of the file. The pages stay in the system's cache. So are those shortly before: they were
        given back, and mapped again around a page that another thread touched. Whoever still reads there has
        them mapped once more.
        """
        if self._map is None or not hasattr(self._map, "madvise"):
            return
        first = -(-max(0, start - _MAPPED_AROUND) // mmap.PAGESIZE) * mmap.PAGESIZE
        last = stop // mmap.PAGESIZE * mmap.PAGESIZE
        if stop == self.size:
            last = stop
        if last > first:
            self._map.madvise(mmap.MADV_DONTNEED, first, last - first)

    def close(self) -> None:
        """Close the file; views still alive keep the mapping until they go."""
        if self._map is not None:
            try:
                self._map.close()
            except BufferError:
                self._map = None  # an array still looks at it: the mapping goes with that array
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
