"""One process at work in a store: what it says of itself, its scratch folder, and who else is at work.

Everything a run writes is made in its scratch folder first, and renamed. What a killed run leaves there is
removed by the next one that finds it dead.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rowscope.inspector.fleet.store import Entry, Store
from rowscope.inspector.storage import decode_json

SILENCE: Final = 600.0
"""Seconds after which a run that says nothing is taken for dead."""

_ID: Final = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")
_MOST_SAID: Final = 1 << 20

KEPT: Final = 20
"""Ended runs whose last words are kept for `fleet status`."""


@dataclass(slots=True)
class State:
    """What a run says of itself, for `fleet status`; times in seconds since 1970."""

    engine: str
    workers: int
    shard: str | None
    total: int
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    started: float = field(default_factory=time.time)
    updated: float = 0.0
    phase: str = "auditing"
    ended: str | None = None
    audited: int = 0
    unchanged: int = 0
    failed: int = 0
    bytes: int = 0
    now: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Checkpoints with a result."""
        return self.audited + self.unchanged + self.failed

    @property
    def remaining(self) -> float | None:
        """Seconds until the end at the pace so far; None while nothing tells."""
        worked = self.audited + self.failed
        left = self.total - self.done
        if not left:
            return 0.0
        # A failure is quick: alone it tells nothing of the pace.
        return (self.updated - self.started) / worked * left if self.audited else None

    def alive(self, now: float) -> bool:
        """Whether the run goes on, as far as this machine can tell."""
        if self.ended is not None or now - self.updated > SILENCE:
            return False
        if self.host != socket.gethostname():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True


class Run:
    """This process at work in a store."""

    def __init__(self, store: Store, state: State) -> None:
        self.store = store
        self.state = state
        self.id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
        self._scratch = store.runs / self.id
        try:
            with store.writing():
                self._scratch.mkdir(parents=True)
            self.tell()
            self._tidy()
        except BaseException:  # an interrupt too: there is no run yet that could say that it has ended
            shutil.rmtree(self._scratch, ignore_errors=True)
            (store.runs / f"{self.id}.json").unlink(missing_ok=True)
            raise

    def tell(self) -> None:
        """Say how far it is; raises RefusedError where the store cannot be written."""
        self.state.updated = time.time()
        text = json.dumps({"run": self.id, **asdict(self.state)})
        self.write(self.store.runs / f"{self.id}.json", text.encode("ascii"))

    def write(self, target: Path, data: bytes) -> None:
        """A file in its place, whole or not at all. It is not flushed: what a power failure spoils is found
        out when it is read, and made again.

        Raises:
            RefusedError: the store cannot be written.
        """
        with self.store.writing():
            part = self.scratch()
            part.write_bytes(data)
            target.parent.mkdir(exist_ok=True)
            os.replace(part, target)

    def scratch(self) -> Path:
        """A new name in the scratch folder, on the same file system as the store."""
        return self._scratch / secrets.token_hex(8)

    def put(self, entry: Entry, part: bytes, rows: bytes | None) -> None:
        """Put a checkpoint's result in its place, its rows first: the part says that all is there.

        Raises:
            RefusedError: the store cannot be written.
        """
        kept = self.store.rows / f"{entry.checkpoint}.parquet"
        if rows is not None:
            self.write(kept, rows)
        self.write(self.store.path(entry), part)
        if rows is None:
            with self.store.writing():
                kept.unlink(missing_ok=True)

    def end(self, how: str) -> None:
        """Say that it has ended, `done` or `interrupted`, and clean up."""
        self.state.ended = how
        self.state.now = []
        try:
            self.tell()
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def others(self) -> list[State]:
        """Other runs that still audit into the store."""
        now = time.time()
        alive = [at for id, at in states(self.store) if id != self.id and at.alive(now)]
        return [at for at in alive if at.phase == "auditing"]

    def _tidy(self) -> None:
        """Remove what dead runs left, and the last words of all but the latest that ended."""
        now = time.time()
        known = dict(states(self.store))
        dead = sorted(id for id, state in known.items() if id != self.id and not state.alive(now))
        for folder in self.store.runs.iterdir():
            if not _ID.fullmatch(folder.name):  # nothing of a run's
                continue
            unknown = folder.name not in known and folder.name != self.id and folder.is_dir()
            if folder.name in dead or (unknown and now - _changed(folder) > SILENCE):
                shutil.rmtree(folder, ignore_errors=True)
        for id in dead[:-KEPT]:
            (self.store.runs / f"{id}.json").unlink(missing_ok=True)


def states(store: Store) -> Iterator[tuple[str, State]]:
    """What the runs in a store say of themselves, the earliest first."""
    with suppress(FileNotFoundError):
        for path in sorted(store.runs.glob("*.json")):
            state = _state(path)
            if state is not None:
                yield path.stem, state


def _state(path: Path) -> State | None:
    """What a file says of a run; None for one that no run wrote, a FIFO or a device among them."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with path.open("rb") as file:
            said: Mapping[str, Any] = decode_json(file.read(_MOST_SAID).decode())
        kept = {name: value for name, value in said.items() if name in State.__slots__}
        return State(**kept) if all(_fits(name, value) for name, value in kept.items()) else None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _fits(name: str, value: object) -> bool:
    """Whether a value is of the kind that its field has, a number within what clocks and sizes give."""
    if name in ("engine", "host", "phase"):
        return isinstance(value, str)
    if name in ("shard", "ended"):
        return value is None or isinstance(value, str)
    if name == "now":
        return isinstance(value, list) and all(isinstance(path, str) for path in value)
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 62
    return number and (name in ("started", "updated") or isinstance(value, int)) and _is_process(name, value)


def _is_process(name: str, value: object) -> bool:
    return name != "pid" or (isinstance(value, int) and 0 < value < 1 << 31)


def _changed(path: Path) -> float:
    """When a path last changed; now where it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()
