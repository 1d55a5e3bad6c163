"""One remote file as far as it was fetched: what is wanted is asked for once, whoever wants it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from rowscope.inspector.storage.remote.lanes import LONG, Lanes
from rowscope.inspector.storage.remote.place import Entry, Place
from rowscope.inspector.storage.remote.plan import (
    LONG_PART,
    PART,
    Range,
    bridged,
    joined,
    parts,
    within,
    without,
)
from rowscope.inspector.storage.remote.spool import Spool


@dataclass(eq=False, slots=True)
class Part:
    """A range that one request brings; `error` is for whoever waits for it."""

    range: Range
    done: bool = False
    error: BaseException | None = None


class Download:
    """Fetches ranges of a file into its spool; threads may share it.

    Args:
        location: how messages spell the file.
    """

    def __init__(self, place: Place, entry: Entry, lanes: Lanes, spool: Spool, location: str) -> None:
        self.entry = entry
        self.location = location
        self.spool = spool
        self._place = place
        self._lanes = lanes
        self._under_way: list[Part] = []
        self._arrived = threading.Condition()

    def want(self, ranges: Sequence[Range], *, urgent: bool) -> None:
        """See that ranges are fetched; does not wait.

        Raises:
            RemoteError: they are more than may be fetched.
        """
        with self._arrived:
            left = self.spool.missing(joined(ranges, 0))
            if self._under_way:
                left = without(left, joined((part.range for part in self._under_way), 0))
            if not left:
                return
            left = bridged(left, self._place.pace.gap(self._lanes.short.most))
            self._place.traffic.plan(sum(stop - start for start, stop in left), self.location)
            short, long = self._cut(left)
            self._under_way += [*short, *long]
        self._lanes.short.add([partial(self._fetch, part) for part in short], urgent=urgent)
        self._lanes.long.add([partial(self._fetch, part) for part in long], urgent=urgent)

    def wait(self, ranges: Sequence[Range]) -> None:
        """Wait until all of the ranges are there.

        Raises:
            MalformedFileError, UnreadableError, RemoteError: what `Place.fetch` raised.
        """
        wanted = joined(ranges, 0)
        while self.spool.missing(wanted):
            self.want(wanted, urgent=True)
            with self._arrived:
                concerned = [(part, within(wanted, part.range)) for part in self._under_way]
                for part, mine in concerned:
                    while mine and not part.done and self.spool.missing(mine):
                        self._arrived.wait()
                    if mine and part.error is not None:
                        self._under_way.remove(part)  # the next read tries again
                        raise part.error

    def _fetch(self, part: Part) -> None:
        try:
            self._place.fetch(self.entry, *part.range, self._deliver)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            part.error = error
        with self._arrived:
            part.done = True
            if part.error is None:
                self._under_way.remove(part)
            self._arrived.notify_all()

    def _deliver(self, at: int, data: memoryview) -> None:
        self.spool.write(at, data)
        self._place.traffic.receive(len(data), self.location)
        with self._arrived:
            self._arrived.notify_all()

    def _cut(self, ranges: Sequence[Range]) -> tuple[list[Part], list[Part]]:
        """Short and long parts."""
        pace = self._place.pace
        size = LONG_PART if pace.latency * pace.bandwidth > LONG_PART else PART
        short: list[Part] = []
        long: list[Part] = []
        for start, stop in ranges:
            lane = long if stop - start >= LONG else short
            lane += [Part(range) for range in parts(start, stop, size, self._lanes.long.most)]
        return short, long
