"""How long to wait before a request is sent again, and when to give up."""

from __future__ import annotations

import random
import time

from rowscope.inspector.errors import RemoteError
from rowscope.inspector.storage.remote.options import Patience


class Passing(Exception):  # noqa: N818 - a fault that may be gone the next time, never shown as it is
    """A fault that a later attempt may not meet.

    Attributes:
        why: in words, for the message of the one that gives up.
        pause: seconds that the server asks us to wait; None where it says nothing.
        status: of the answer, 0 where there was none.
        brief: it seldom passes, so that one more attempt is enough.
    """

    def __init__(self, why: str, pause: float | None = None, status: int = 0, *, brief: bool = False) -> None:
        super().__init__(why)
        self.why, self.pause, self.status, self.brief = why, pause, status, brief


class Waiting:
    """Counts the attempts of one range. What brings bytes starts the count anew."""

    def __init__(self, patience: Patience, location: str) -> None:
        self._patience = patience
        self._location = location
        self._failed = self._stale = 0

    def wait(self, fault: Passing, moved: bool) -> None:
        """Sleep before the next attempt.

        Raises:
            RemoteError: there is none, or the server asks for more time than there is.
        """
        self._failed = 1 if moved else self._failed + 1
        location, patience = self._location, self._patience
        if fault.pause is not None and fault.pause > patience.longest:
            raise RemoteError(
                f"{location!r}: {fault.why} and asks to wait {fault.pause:.0f} s; run again then",
                location=location,
            )
        if self._failed >= (min(2, patience.attempts) if fault.brief else patience.attempts):
            raise RemoteError(
                f"cannot read {location!r}: {fault.why}, {self._failed} times in a row; "
                f"{_step(fault.status)}",
                location=location,
            )
        pause = patience.pause * 2 ** (self._failed - 1) * random.uniform(0.7, 1.3)
        time.sleep(pause if fault.pause is None else fault.pause)

    def again(self) -> None:
        """An attempt that says nothing of the server: over a connection, or to an address, that was kept."""
        self._stale += 1
        if self._stale > 4 * self._patience.attempts:
            raise RemoteError(
                f"{self._location!r}: the server closes its connections, or refuses the addresses that it "
                "redirects to, again and again; try again later",
                location=self._location,
            )


def asked_pause(stated: str | None) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or as a date (RFC 9110, 10.2.3)."""
    if stated is None:
        return None
    if stated.strip().isdecimal():
        return float(stated)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(stated).timestamp() - time.time())
    except ValueError:
        return None


def _step(status: int) -> str:
    if status == 429:
        return "it asks for fewer requests: wait some minutes, or sign in, which raises the limit"
    if status:
        return "that is a fault of the server: try again later"
    return "check the network and the address, then run again"
