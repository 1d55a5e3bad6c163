"""What a kind of remote place has to do; `folder.py` and `file.py` make the storage interface of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from rowscope.inspector.frozen import record
from rowscope.inspector.storage.pace import Pace
from rowscope.inspector.storage.remote.options import RemoteOptions
from rowscope.inspector.storage.traffic import Traffic

Deliver = Callable[[int, memoryview], None]


@record
class Entry:
    """A file of a place.

    Attributes:
        name: relative to the place, with `/` between the parts.
        size: bytes.
        identity: changes when the bytes do.
    """

    name: str
    size: int
    identity: str


@record
class Probe:
    """A name to ask for in a place that cannot be listed.

    Attributes:
        first: bytes of the file to fetch with the very request that asks for it.
        outranked_by: names of which one is enough for this one to decide nothing.
    """

    first: int
    outranked_by: tuple[str, ...] = ()


class Place(Protocol):
    """Files behind a network, read-only. Threads may call at once.

    Attributes:
        location: how messages spell it; no secret is in it.
        traffic, pace, options: what is counted and measured of it, and what the user decided.
        advice: how its files come to the local disk.
        flat: whether its folders cannot be listed, so that nothing is known of those above and below.
        known: names to ask for in a flat place.
    """

    @property
    def location(self) -> str: ...
    @property
    def traffic(self) -> Traffic: ...
    @property
    def pace(self) -> Pace: ...
    @property
    def options(self) -> RemoteOptions: ...
    @property
    def advice(self) -> str: ...
    @property
    def flat(self) -> bool: ...
    @property
    def known(self) -> Mapping[str, Probe]: ...

    def listing(self, below: str) -> Mapping[str, Literal["file", "folder"]] | None:
        """Names in a folder of it (`""` is the place itself) and what they are; None where there is none."""
        ...

    def entry(self, name: str) -> Entry:
        """What is known of a file.

        Raises:
            UnreadableError: there is none, or it may not be read.
        """
        ...

    def fetch(self, entry: Entry, start: int, stop: int, deliver: Deliver) -> None:
        """Fetch bytes [start, stop), 0 <= start < stop <= size.

        Raises:
            MalformedFileError: the file changed meanwhile.
            UnreadableError, RemoteError: the place does not give them.
        """
        ...

    def at_hand(self, entry: Entry) -> bytes | None:
        """What of a file's beginning came with `entry`, or all of it from elsewhere; None for nothing."""
        ...

    def whole(self, entry: Entry, data: bytes) -> None:
        """Told of a small file that was fetched whole, to keep it where that is usual."""
        ...

    def stop(self) -> None:
        """End what is under way, in whatever thread."""
        ...
