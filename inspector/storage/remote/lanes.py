"""Fetching in the background: short ranges many at once, long ones fewer, what is waited for first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

SHORT_LANES: Final = 16
LONG_LANES: Final = 8

LONG: Final = 1 << 20
"""Bytes from which on a range is a long one."""

Job = Callable[[], None]
"""Must not raise: what goes wrong is kept for whoever waits."""


class Lane:
    """Threads that take jobs in turn. They end where nothing is left, and do not outlive the process: a
    reader that is interrupted does not wait for a server.

    Args:
        most: threads at once.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._jobs: deque[Job] = deque()
        self._running = 0
        self._lock = threading.Lock()

    def add(self, jobs: Sequence[Job], *, urgent: bool) -> None:
        """Append jobs; urgent ones go before those that wait, in their order."""
        with self._lock:
            if urgent:
                self._jobs.extendleft(reversed(jobs))
            else:
                self._jobs.extend(jobs)
            begin = min(self.most - self._running, len(jobs))
            self._running += begin
        for _ in range(begin):
            threading.Thread(target=self._work, name="rowscope-fetch", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._running -= 1
                    return
                job = self._jobs.popleft()
            job()


class Lanes:
    """A lane for short ranges and one for long ones."""

    def __init__(self) -> None:
        self.short = Lane(SHORT_LANES)
        self.long = Lane(LONG_LANES)
