"""A folder in memory: checkpoints that are made, or that came over a wire, without a disk. For tests too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rowscope.inspector.errors import MalformedFileError, RefusedError
from rowscope.inspector.storage.closing import Closing
from rowscope.inspector.storage.interface import Kind, UnreadableError


@dataclass(eq=False)
class MemoryFolder:
    """Files by name, `/` between the parts: a `Folder`.

    Attributes:
        files: name -> content; may be changed while a file is open, as on a disk.
        location: how messages spell the folder.
        forbidden: names that exist and may not be read.
    """

    files: dict[str, bytes]
    location: str = "memory"
    forbidden: set[str] = field(default_factory=set)

    @property
    def traffic(self) -> None:
        return None

    def spell(self, name: str) -> str:
        return f"{self.location}/{name}" if name else self.location

    def names(self, below: str = "") -> tuple[str, ...]:
        if self.kind(below) != "folder":
            raise self._unreadable("list", below, "No such file or directory", "check its permissions")
        start = f"{below}/" if below else ""
        inside = {name[len(start) :].split("/")[0] for name in self.files if name.startswith(start)}
        return tuple(sorted(inside))

    def kind(self, name: str) -> Kind | None:
        if name in self.files:
            return "file"
        return "folder" if not name or any(at.startswith(f"{name}/") for at in self.files) else None

    def below(self, name: str) -> MemoryFolder:
        start = f"{name}/"
        inside = {at[len(start) :]: data for at, data in self.files.items() if at.startswith(start)}
        denied = {at[len(start) :] for at in self.forbidden if at.startswith(start)}
        return MemoryFolder(inside, self.spell(name), denied)

    def above(self) -> tuple[MemoryFolder, str] | None:
        return None

    def link(self, name: str) -> str | None:
        return None

    def has(self, name: str) -> bool:
        return self.kind(name) is not None

    def head(self, name: str, start: int, stop: int) -> tuple[bytes, int]:
        data = self._content(name, "read")
        return data[start:stop], len(data)

    def expect(self, heads: Mapping[str, int]) -> None:
        """Nothing to fetch."""

    def open(self, name: str) -> MemoryFile:
        return MemoryFile(self, name, len(self._content(name, "open")))

    def local(self, name: str = "") -> Path:
        raise RefusedError(
            f"{self.spell(name)!r} is in memory; write it to a folder first", location=self.spell(name)
        )

    def _content(self, name: str, verb: str) -> bytes:
        advice = "check the path and its permissions"
        if self.kind(name) == "folder":
            raise self._unreadable(verb, name, "Is a directory", advice)
        if name not in self.files:
            raise self._unreadable(verb, name, "No such file or directory", advice)
        if name in self.forbidden:
            raise self._unreadable(verb, name, "Permission denied", advice)
        return self.files[name]

    def _unreadable(self, verb: str, name: str, why: str, advice: str) -> UnreadableError:
        return UnreadableError(
            f"cannot {verb} {self.spell(name)!r}: {why}; {advice}", why=why, location=self.spell(name)
        )


@dataclass(eq=False, slots=True)
class MemoryFile(Closing):
    """An open file of a `MemoryFolder`: an `OpenFile`."""

    folder: MemoryFolder
    name: str
    size: int

    @property
    def location(self) -> str:
        return self.folder.spell(self.name)

    @property
    def identity(self) -> str:
        return hashlib.sha256(self.folder.files[self.name]).hexdigest()

    def view(self, start: int, stop: int) -> memoryview:
        if not 0 <= start <= stop <= self.size:
            raise MalformedFileError(
                f"bytes {start}..{stop} lie outside {self.location!r} of {self.size} bytes",
                location=self.location,
            )
        present = self.folder.files.get(self.name, b"")
        if len(present) < stop:
            raise MalformedFileError(
                f"{self.location!r} shrank from {self.size} to {len(present)} bytes while it was read; "
                "wait until it is written completely and run again",
                location=self.location,
            )
        return memoryview(present)[start:stop]

    def read(self, start: int, stop: int) -> bytes:
        return bytes(self.view(start, stop))

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.read(start, stop) for start, stop in ranges]

    def holds(self, start: int, stop: int) -> bool:
        """Always."""
        return True

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Nothing to fetch."""

    def release(self, start: int, stop: int) -> None:
        """Nothing to give back: the bytes belong to the folder."""

    def close(self) -> None:
        """Nothing is held."""


def from_disk(folder: Path, location: str | None = None) -> MemoryFolder:
    """A copy of a local folder in memory, of all its files at any depth."""
    return MemoryFolder(dict(_contents(folder)), location or str(folder))


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()
