"""A folder behind plain HTTP: files by their addresses, no listing."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, urlunsplit

from rowscope.inspector.storage.http.answers import Known
from rowscope.inspector.storage.http.client import Client
from rowscope.inspector.storage.http.connection import basic
from rowscope.inspector.storage.http.ranged import Deliver, Getter, Target
from rowscope.inspector.storage.http.refusals import PLAIN, Advice
from rowscope.inspector.storage.pace import Pace
from rowscope.inspector.storage.remote.options import RemoteOptions
from rowscope.inspector.storage.remote.place import Entry, Probe
from rowscope.inspector.storage.traffic import Traffic

FIRST: int = 1 << 16
"""Bytes of a file's beginning that come with the answer whether there is such a file."""


class HttpPlace:
    """What all places behind HTTP share: addresses become targets, and targets bytes.

    Args:
        location: how messages spell it.
        secret: headers for the origin of its addresses.
    """

    flat = True
    advice = "download the files"
    next_steps: Advice = PLAIN

    def __init__(self, location: str, secret: Mapping[str, str], options: RemoteOptions) -> None:
        self.location = location
        self.options = options
        self.traffic = Traffic(options.max_download)
        self.pace = Pace()
        self._secret = secret
        self._client = Client(options.patience.timeout, self.traffic)
        self.getter = Getter(self._client, options.patience, self.pace)
        self._targets: dict[str, Target] = {}
        self._first: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def address(self, name: str) -> SplitResult:
        """Where a file is."""
        raise NotImplementedError

    def first_bytes(self, name: str) -> int:
        """How much of a file is fetched to learn whether it is there."""
        return FIRST

    def target(self, name: str, size: int | None = None) -> Target:
        """A file, with what is known of it from before."""
        with self._lock:
            found = self._targets.get(name)
            if found is None:
                known = Known(f"{self.location.rstrip('/')}/{name}", size)
                found = Target(known, self.address(name), self._secret, self.next_steps)
                self._targets[name] = found
            return found

    def probe(self, name: str) -> Entry:
        """A file by the answer to a request for its beginning; raises as `Place.entry`."""
        target, began = self.target(name), bytearray()

        def keep(at: int, data: memoryview) -> None:
            self.traffic.receive(len(data), target.known.location)
            began.extend(data)

        span = self.getter.fetch(target, 0, self.first_bytes(name), keep)
        self._first[name] = bytes(began)
        return Entry(name, span.size, span.identity)

    def entry(self, name: str) -> Entry:
        return self.probe(name)

    def fetch(self, entry: Entry, start: int, stop: int, deliver: Deliver) -> None:
        self.getter.fetch(self.target(entry.name, entry.size), start, stop, deliver)

    def at_hand(self, entry: Entry) -> bytes | None:
        return self._first.pop(entry.name, None)

    def whole(self, entry: Entry, data: bytes) -> None:
        """Nothing is kept."""

    def stop(self) -> None:
        self._client.stop()


class WebPlace(HttpPlace):
    """A folder at an address.

    Args:
        url: the folder's address; a name and password in it are sent to its host alone, a query is that of
            every file (a signature).
        known: names to ask for.
    """

    def __init__(self, url: SplitResult, known: Mapping[str, Probe], options: RemoteOptions) -> None:
        secret = {"Authorization": basic(url)} if url.username else {}
        self._url = url._replace(netloc=url.netloc.rpartition("@")[2], fragment="")
        super().__init__(urlunsplit(self._url._replace(query="")), secret, options)
        self.known = known

    def listing(self, below: str) -> None:
        return None

    def address(self, name: str) -> SplitResult:
        return self._url._replace(path=f"{self._url.path.rstrip('/')}/{quote(name)}")

    def first_bytes(self, name: str) -> int:
        probe = self.known.get(name)
        return FIRST if probe is None else probe.first
