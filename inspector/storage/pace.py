"""How fast a network is, as measured on it: which requests are better joined into one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_LEAST_MEASURED: Final = 256 << 10  # bytes; shorter bodies say more of the latency
_GAP: Final = (8 << 10, 1 << 20)  # bytes; joined ranges fetch no more than this between them


class Pace:
    """Latency and bandwidth; threads may measure at once.

    Attributes:
        latency: seconds from a request to the head of its answer, the least seen.
        bandwidth: bytes a second over all connections together, a running mean.
    """

    def __init__(self, latency: float = 0.05, bandwidth: float = 5e7) -> None:
        self.latency = latency
        self.bandwidth = bandwidth
        self._measured = [False, False]
        self._under_way = 0
        self._lock = threading.Lock()

    def answered(self, seconds: float) -> None:
        """A request was answered after so many seconds."""
        with self._lock:
            self.latency = min(self.latency, seconds) if self._measured[0] else seconds
            self._measured[0] = True

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Measure a body: what it gives is to be called with its bytes when they are there."""
        with self._lock:
            self._under_way += 1
            connections = self._under_way
        began = time.monotonic()
        try:
            yield lambda bytes: self._received(bytes, time.monotonic() - began, connections)
        finally:
            with self._lock:
                self._under_way -= 1

    def _received(self, bytes: int, seconds: float, connections: int) -> None:
        if bytes < _LEAST_MEASURED or seconds <= 0:
            return
        found = connections * bytes / seconds
        with self._lock:
            self.bandwidth = (3 * self.bandwidth + found) / 4 if self._measured[1] else found
            self._measured[1] = True

    def gap(self, connections: int) -> int:
        """Bytes between two ranges up to which one request for both is faster than two.

        n requests over c connections take n / c latencies: one less saves a latency / c, and costs the
        time of the bytes in between.
        """
        worth = self.latency * self.bandwidth / connections
        return int(min(max(worth, _GAP[0]), _GAP[1]))
