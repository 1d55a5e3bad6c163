"""What was fetched of one remote file: a sparse file on the disk, so that memory stays flat and nothing is
fetched twice. It has no name and goes with the process, unless the user asked for a cache."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from rowscope.inspector.errors import CheckpointError, RemoteError
from rowscope.inspector.storage.local import MappedFile, local_file, reason
from rowscope.inspector.storage.remote.plan import Range, joined, without
from rowscope.inspector.storage.writing import write_whole

_LONGEST_RECORD: Final = 16 << 20
_LARGE: Final = "/var/tmp"  # on a disk, where /tmp is often memory


class Spool:
    """Bytes of a file of known size, present by ranges; threads may write and read at once.

    Args:
        size: of the whole file in bytes.
        location: how messages spell it.
        kept: where the bytes stay for a later run, and a record of which are there; None for nowhere.

    Raises:
        RemoteError: the disk takes no file.
    """

    def __init__(self, size: int, location: str, kept: Path | None = None) -> None:
        self.size = size
        self._location = location
        self._kept = kept
        self._lock = threading.Lock()
        self._present: list[Range] = []
        try:
            self._fd, path = _make(kept)
            os.ftruncate(self._fd, size)
            self.file = MappedFile(path)
            nameless = kept is None and _unlinked(path)
            if kept is not None:
                self._present = _read_record(kept, size)
        except OSError as error:
            raise self._no_room(error) from error
        doomed = path if kept is None and not nameless else None
        weakref.finalize(self, _finish, self._fd, self.file, kept, self._present, doomed)

    def missing(self, ranges: Iterable[Range]) -> list[Range]:
        """What of the ranges is not there."""
        with self._lock:
            return without(ranges, self._present)

    def write(self, at: int, data: memoryview) -> None:
        """Add bytes.

        Raises:
            RemoteError: the disk is full.
        """
        try:
            done = 0
            while done < len(data):
                done += self._write_piece(data[done:], at + done)
        except OSError as error:
            raise self._no_room(error) from error
        with self._lock:
            self._present[:] = joined([*self._present, (at, at + len(data))], 0)

    def _write_piece(self, data: memoryview, at: int) -> int:
        """What the system takes at once; one thread at a time where it cannot write at an offset."""
        if hasattr(os, "pwrite"):
            return os.pwrite(self._fd, data, at)
        with self._lock:
            os.lseek(self._fd, at, os.SEEK_SET)
            return os.write(self._fd, data)

    def _no_room(self, error: OSError) -> RemoteError:
        if self._kept is None:
            place, step = _folder(), "set TMPDIR to a folder of a disk with room"
        else:
            place, step = str(self._kept.parent), "give a --cache folder that can be written to, with room"
        return RemoteError(
            f"cannot keep what is fetched of {self._location!r} in {place!r}: {reason(error)}; {step}",
            location=self._location,
        )


def _unlinked(path: Path) -> bool:
    """Whether an open file could be left without a name, as Windows allows none to be."""
    try:
        path.unlink()
    except PermissionError:
        return False
    return True


def _folder() -> str:
    """Where files without a name go: TMPDIR if it is set, else a disk rather than memory."""
    large = _LARGE if os.path.isdir(_LARGE) and os.access(_LARGE, os.W_OK) else None
    return os.environ.get("TMPDIR") or large or tempfile.gettempdir()


def _make(kept: Path | None) -> tuple[int, Path]:
    if kept is None:
        number, name = tempfile.mkstemp(prefix="rowscope-", dir=_folder())
        return number, Path(name)
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _require_own(kept.parent.stat(), kept.parent, "give a --cache folder of your own")
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    number = os.open(kept, os.O_RDWR | os.O_CREAT | flags, 0o600)
    try:
        _require_own(os.fstat(number), kept, "remove it")
    except BaseException:
        os.close(number)
        raise
    return number, kept


def _require_own(status: os.stat_result, path: Path, step: str) -> None:
    """Refuse a cache that others can write to: what stands there is believed.

    Raises:
        RemoteError: they can, or it is theirs.
    """
    if not hasattr(os, "geteuid"):
        return
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if status.st_uid not in (os.geteuid(), 0):
        who = f"{str(path)!r} belongs to somebody else"
    elif others:
        who = f"{'everybody' if others & stat.S_IWOTH else 'a group'} may write to {str(path)!r}"
        step = f"{step} (chmod go-w)"
    else:
        return
    raise RemoteError(f"{who}, and what stands there would be believed; {step}", location=str(path))


def _record(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.ranges")


def _read_record(kept: Path, size: int) -> list[Range]:
    """The ranges that an earlier run left whole; none where the record is not to be believed."""
    try:
        _require_own(_record(kept).lstat(), _record(kept), "")
        text = local_file(_record(kept)).read(_LONGEST_RECORD, "a record of ranges").decode("ascii")
        words = [line.split() for line in text.splitlines()]
        found = [(int(start), int(stop)) for start, stop in words]
    except (CheckpointError, RemoteError, ValueError, FileNotFoundError):
        return []
    return joined(found, 0) if all(0 <= start < stop <= size for start, stop in found) else []


def _finish(
    number: int, file: MappedFile, kept: Path | None, present: list[Range], doomed: Path | None = None
) -> None:
    """Close; of a kept file first the bytes reach the disk, then the record that vouches for them."""
    file.close()
    if kept is not None and present:
        try:
            os.fsync(number)
            known = _read_record(kept, os.fstat(number).st_size)
            lines = [f"{start} {stop}\n" for start, stop in joined([*known, *present], 0)]
            write_whole(_record(kept), "".join(lines).encode())
            _record(kept).chmod(0o600)  # the umask may let a group write to it, and then it counts for none
        except OSError:  # a cache that cannot be written is none: the next run fetches again
            pass
        except KeyboardInterrupt:  # Python would print and drop it here; the command hears of it as it ends
            pass
    os.close(number)
    if doomed is not None:
        with suppress(OSError):
            doomed.unlink()
