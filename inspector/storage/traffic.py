"""What goes over the network: counted, bounded, watched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from rowscope.inspector.errors import RemoteError

MAX_DOWNLOAD: Final = 5_000_000_000
"""Bytes that are fetched of one checkpoint unless more are asked for."""


class Traffic:
    """Requests and bytes of one remote place; threads may count at once.

    Args:
        most: bytes that may be fetched.

    Attributes:
        requests: sent so far, redirects and repeated ones included.
        fetched: bytes of bodies received so far.
        expected: bytes that are fetched or known to be fetched yet.
    """

    def __init__(self, most: int = MAX_DOWNLOAD) -> None:
        self.most = most
        self.requests = self.fetched = self.expected = 0
        self._lock = threading.Lock()
        self._watch: Callable[[], None] | None = None

    def watch(self, watch: Callable[[], None] | None) -> None:
        """Call `watch` as bytes arrive, from whatever thread; None for nobody."""
        self._watch = watch

    def request(self) -> None:
        """Count a request."""
        with self._lock:
            self.requests += 1

    def require(self, bytes: int, what: str) -> None:
        """Refuse to begin what would exceed the limit.

        Raises:
            RemoteError: so many bytes more are above it.
        """
        with self._lock:
            total = max(self.expected, self.fetched) + bytes
        if total > self.most:
            raise RemoteError(
                f"{what} has {bytes:,} bytes to fetch, which makes {total:,}, above the limit of "
                f"{self.most:,}: nothing of it was fetched; allow it with --max-download {_rounded(total)}",
                location=what,
                code="MAX_DOWNLOAD",
            )

    def plan(self, bytes: int, what: str) -> None:
        """Add bytes that will be fetched; raises as `require`."""
        self.require(bytes, what)
        with self._lock:
            self.expected += bytes

    def receive(self, bytes: int, what: str) -> None:
        """Count bytes that arrived.

        Raises:
            RemoteError: with what was sent again they are above the limit.
        """
        with self._lock:
            self.fetched += bytes
            fetched = self.fetched
        if fetched > self.most:
            raise RemoteError(
                f"{what}: {fetched:,} bytes were fetched, above the limit of {self.most:,}, parts of them "
                "again after faults; look at the network, or give a larger --max-download",
                location=what,
                code="MAX_DOWNLOAD",
            )
        watch = self._watch
        if watch is not None:
            watch()


def _rounded(bytes: int) -> str:
    """A size that `--max-download` takes and that holds so many bytes."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if bytes >= size:
            return f"{-(-bytes * 10 // size) / 10 + 0.1:.1f}{unit}"
    return str(bytes)
