"""Files on the local disk: memory-mapped, read block by block and released behind the reader."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from rowscope.inspector.errors import CheckpointError, MalformedFileError


class MappedFile:
    """Read-only mapping of a regular file; safe to read from several threads.

    Every `view` first asks the file's present size: touching a page behind a truncated end would kill
    the process with SIGBUS. A file cut within the microseconds between the check and the read is not
    covered; no user-space reader of a mapping can be.

    Raises:
        CheckpointError: the path is not a readable regular file.
        MalformedFileError: (`view`) the range lies outside the file, or the file was cut meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # O_NONBLOCK: opening a FIFO that nobody writes to would otherwise wait for ever.
            self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise CheckpointError(
                f"cannot open {str(path)!r}: {error.strerror}; check the path and its permissions",
                location=str(path),
            ) from error
        try:
            status = os.fstat(self._fd)
            if not stat.S_ISREG(status.st_mode):
                raise CheckpointError(
                    f"{str(path)!r} is not a regular file; give a .safetensors file or a checkpoint folder",
                    location=str(path),
                )
            self.size = status.st_size
            self._map = mmap.mmap(self._fd, 0, access=mmap.ACCESS_READ) if self.size else None
        except BaseException:
            os.close(self._fd)
            raise

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

    def release(self, start: int, stop: int) -> None:
        """Tell the system that the whole pages within `[start, stop)` are done with.

        Mapped pages count as resident memory of the process: without this a scan's footprint grows to
        the size of the file. The pages stay in the system's cache.
        """
        if self._map is None or not hasattr(self._map, "madvise"):
            return
        first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
