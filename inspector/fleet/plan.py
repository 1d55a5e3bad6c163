"""Which checkpoints of a run are to be audited: all but those whose result is there and still holds."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from rowscope.inspector.fleet.keys import footprint
from rowscope.inspector.fleet.options import AuditOptions
from rowscope.inspector.fleet.places import Place
from rowscope.inspector.fleet.runs import Run
from rowscope.inspector.fleet.store import Entry, Store
from rowscope.inspector.fleet.task import Outcome, Task

_AHEAD: Final = 64
_LOOK_AGAIN: Final = 1.0
_LOOKERS: Final = 8


@dataclass(slots=True)
class Ledger:
    """What is in the store of each checkpoint of a run."""

    store: Store
    entries: dict[str, list[Entry]]
    retry_failed: bool

    def holding(self, place: Place, seen: str | None) -> Entry | None:
        """The result that still holds for a checkpoint with the footprint `seen`; None where there is none,
        or where it is a failure that is to be tried again."""
        for entry in self.entries.get(place.checkpoint, []):
            # Of a remote place that cannot be told without asking, a failure is remembered by its path.
            unasked = seen is None and entry.failed and entry.footprint is None
            if (entry.footprint == seen is not None or unasked) and not (entry.failed and self.retry_failed):
                return entry
        return None

    def keys(self, place: Place) -> tuple[str, ...]:
        """Keys of the results that are there."""
        known = self.entries.get(place.checkpoint, [])
        return tuple(at.key for at in known if at.key and not (at.failed and self.retry_failed))

    def refresh(self) -> None:
        """Look at the store again."""
        self.entries = self.store.entries()

    def keep(self, entry: Entry) -> None:
        """`entry` is the result of its checkpoint from now on: take out any other."""
        for other in self.entries.get(entry.checkpoint, []):
            if other != entry:
                self.store.remove(other)
        self.entries[entry.checkpoint] = [entry]

    def record(self, run: Run, outcome: Outcome) -> Entry:
        """Store what became of a task; returns the result that counts.

        Raises:
            RefusedError: the store cannot be written.
        """
        entry = outcome.entry
        if outcome.part:
            run.put(entry, outcome.part, outcome.rows)
        else:  # of the same contents as one that is there
            same = [at for at in self.entries.get(entry.checkpoint, []) if at.key == entry.key]
            if not same:  # another run replaced it meanwhile
                return entry
            old, entry = same[0], dataclasses.replace(same[0], footprint=entry.footprint)
            if old != entry:
                self.store.rename(old, entry)
        self.keep(entry)
        return entry


def plan(
    run: Run,
    places: Sequence[Place],
    ledger: Ledger,
    options: AuditOptions,
    stated: Mapping[str, Any],
    unchanged: Callable[[Entry], None],
) -> Generator[Task, None, None]:
    """The tasks, as they are asked for; `unchanged` is told of every checkpoint that needs none.

    What other runs that work in the store have done meanwhile is not done again.
    """
    looked = time.monotonic()
    for place, seen in _looked_at(places, options, stated):
        if time.monotonic() - looked > _LOOK_AGAIN:
            if run.others():
                ledger.refresh()
            looked = time.monotonic()
        entry = ledger.holding(place, seen)
        if entry is not None and ledger.store.has(entry):
            ledger.keep(entry)
            unchanged(entry)
            continue
        yield Task(place, options, stated, ledger.keys(place))


def _looked_at(
    places: Sequence[Place], options: AuditOptions, stated: Mapping[str, Any]
) -> Iterator[tuple[Place, str | None]]:
    """Places and their footprints, a few of them looked at ahead: a file system far away takes its time."""
    waiting: deque[tuple[Place, Future[str | None]]] = deque()
    with ThreadPoolExecutor(_LOOKERS, thread_name_prefix="rowscope-fleet") as lookers:
        for place in places:
            waiting.append((place, lookers.submit(footprint, place, options, stated)))
            if len(waiting) >= _AHEAD:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
