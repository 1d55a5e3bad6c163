"""How far the runs in a store are: `fleet status`."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import rowscope
from rowscope.inspector.fleet.runs import State, states
from rowscope.inspector.fleet.store import Store
from rowscope.inspector.frozen import record


@record
class Status:
    """A store at one moment.

    Attributes:
        out: the store.
        checkpoints: by the status of their result: `audited`, `partial`, `failed`.
        running: runs that go on.
        ended: runs that ended, or were killed, the latest last.
    """

    out: str
    checkpoints: Mapping[str, int]
    running: tuple[State, ...]
    ended: tuple[State, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `fleet status --format json`."""
        return {
            "schema_version": "1",
            "tool": {"name": "rowscope", "version": rowscope.__version__},
            "exit_code": 0,
            "out": self.out,
            "results": dict(self.checkpoints),
            "running": [_plain(state) for state in self.running],
            "ended": [_plain(state) for state in self.ended],
        }


def _plain(state: State) -> dict[str, Any]:
    return {**asdict(state), "done": state.done, "remaining": state.remaining}


def fleet_status(out: str | os.PathLike[str]) -> Status:
    """Look at a store; nothing is read but names and what runs say of themselves.

    Raises:
        RefusedError: there is no such store.
    """
    store = Store(out)
    counts = Counter(entries[-1].status for entries in store.entries().values())
    now = time.time()
    running: list[State] = []
    ended: list[State] = []
    for _, state in states(store):
        (running if state.alive(now) else ended).append(state)
    return Status(str(store.folder), dict(counts), tuple(running), tuple(ended))
