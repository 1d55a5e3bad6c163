"""What every place that holds a checkpoint can do. Backends stand beside this file, one each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, runtime_checkable

from rowscope.inspector.errors import CheckpointError, MalformedFileError
from rowscope.inspector.frozen import record
from rowscope.inspector.storage.traffic import Traffic

_DIGEST_BLOCK = 16 << 20

Kind = Literal["file", "folder", "other"]
"""What a name stands for, links followed; `other` is a FIFO, a device, a socket."""


class UnreadableError(CheckpointError):
    """A file or folder that is missing, forbidden or no regular file.

    Attributes:
        why: the system's own words, such as `Permission denied`.
    """

    def __init__(self, message: str, *, why: str, location: str) -> None:
        super().__init__(message, location=location)
        self.why = why


class OpenFile(Protocol):
    """A large file, open for ranges; several threads may read at once.

    Attributes:
        location: how messages spell the file.
        size: bytes when it was opened.
        identity: changes when the bytes do: two equal ones mean equal content.
    """

    @property
    def location(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def identity(self) -> str: ...

    def view(self, start: int, stop: int) -> memoryview:
        """Bytes `[start, stop)`, without a copy where the backend can.

        Raises:
            MalformedFileError: the range lies outside the file, or the file shrank since it was opened (a
                remote one: changed).
            UnreadableError: a remote place refuses it, which it need not say before.
            RemoteError: a remote place does not give it.
        """
        ...

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `[start, stop)` as a copy, for few bytes that lie far apart; raises as `view`."""
        ...

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """`read` of many ranges, in their order: a backend may merge them or fetch several at once."""
        ...

    def holds(self, start: int, stop: int) -> bool:
        """Whether these bytes are at hand: reading more of them than are needed costs next to nothing."""
        ...

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """These ranges will be read soon, in about this order: a remote place fetches them meanwhile.

        Raises:
            RemoteError: they are more than may be fetched.
        """
        ...

    def release(self, start: int, stop: int) -> None:
        """The bytes `[start, stop)` are done with: their memory may go. They can be read again."""
        ...

    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class Folder(Protocol):
    """A folder of files. Names are relative to it, with `/` between their parts.

    Attributes:
        location: how messages and results spell it, as the user gave it.
        traffic: what was fetched over a network so far; None where no network is in between.
    """

    @property
    def location(self) -> str: ...
    @property
    def traffic(self) -> Traffic | None: ...

    def spell(self, name: str) -> str:
        """How messages spell a file within the folder."""
        ...

    def names(self, below: str = "") -> tuple[str, ...]:
        """Names of everything in the folder, or in one below it, sorted; not of what is deeper.

        Raises:
            UnreadableError: missing, no folder, or not to be listed.
        """
        ...

    def kind(self, name: str) -> Kind | None:
        """What a name stands for; None where there is nothing, or a link that leads nowhere.

        Raises:
            UnreadableError: the place does not let us look.
        """
        ...

    def below(self, name: str) -> Folder:
        """The folder of that name within this one."""
        ...

    def above(self) -> tuple[Folder, str] | None:
        """The folder that holds this one, and this one's name in it; None where that is not to be had."""
        ...

    def link(self, name: str) -> str | None:
        """Where a link leads, as it is written; None for what is no link."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is anything of that name, a link that leads nowhere included."""
        ...

    def head(self, name: str, start: int, stop: int) -> tuple[bytes, int]:
        """Bytes `[start, stop)` of a small file or of a file's beginning, fewer at its end, and its size.

        Raises:
            UnreadableError: no readable regular file.
        """
        ...

    def expect(self, heads: Mapping[str, int]) -> None:
        """The first so many bytes of these files will be read soon, where there are such files: a remote
        place fetches them at once, side by side. Whatever is wrong with them is told by the read."""
        ...

    def open(self, name: str) -> OpenFile:
        """Open a large file for ranges.

        Raises:
            UnreadableError: no readable regular file.
        """
        ...

    def local(self, name: str = "") -> Path:
        """Where the local disk holds it: for rooms that write, or hand files to other libraries.

        Raises:
            RefusedError: it is elsewhere.
        """
        ...


@record
class File:
    """A file by its folder and its name in it."""

    folder: Folder
    name: str

    @property
    def location(self) -> str:
        """How messages spell it."""
        return self.folder.spell(self.name)

    def head(self, start: int, stop: int) -> tuple[bytes, int]:
        """See `Folder.head`."""
        return self.folder.head(self.name, start, stop)

    def read(self, limit: int, what: str = "a file of this kind") -> bytes:
        """All bytes of a small file.

        Args:
            limit: size in bytes above which it is refused unread.
            what: what it should be, for the message.

        Raises:
            UnreadableError: no readable regular file.
            MalformedFileError: larger than the limit.
        """
        data, size = self.folder.head(self.name, 0, limit)
        if size > limit:
            raise MalformedFileError(
                f"{self.location!r} has {size} bytes, above the limit of {limit} for {what}; "
                "check that it is the file you mean",
                location=self.location,
            )
        return data

    def digest(self, algorithm: str, prefix: bytes = b"") -> str:
        """Hexadecimal digest of `prefix` and all bytes, in flat memory.

        Args:
            algorithm: a name of hashlib's, `sha256`.

        Raises:
            UnreadableError: no readable regular file.
        """
        import hashlib

        state = hashlib.new(algorithm, prefix, usedforsecurity=False)
        at = 0
        while data := self.head(at, at + _DIGEST_BLOCK)[0]:
            state.update(data)
            at += len(data)
        return state.hexdigest()

    def open(self) -> OpenFile:
        """See `Folder.open`."""
        return self.folder.open(self.name)

    def local(self) -> Path:
        """See `Folder.local`."""
        return self.folder.local(self.name)
