"""`rowscope.fleet`: many checkpoints through an engine into a store."""

from __future__ import annotations

import dataclasses
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

from rowscope.inspector.errors import RowscopeError, require
from rowscope.inspector.fleet.choice import engine_named
from rowscope.inspector.fleet.compact import compact
from rowscope.inspector.fleet.engines import Engine, Limits
from rowscope.inspector.fleet.expand import expand, read_shard, shard_of
from rowscope.inspector.fleet.options import AuditOptions
from rowscope.inspector.fleet.parts import decode
from rowscope.inspector.fleet.places import Place
from rowscope.inspector.fleet.plan import Ledger, plan
from rowscope.inspector.fleet.result import Failure, Fleet
from rowscope.inspector.fleet.runs import Run, State
from rowscope.inspector.fleet.schema import arrow
from rowscope.inspector.fleet.store import Entry, Store
from rowscope.inspector.fleet.task import Outcome
from rowscope.inspector.gate import check_codes

Watch = Callable[[State, Outcome | None], None]
"""Told of every outcome, and every other second without one, how far the run is."""

_HEARTBEAT: Final = 2.0


def fleet(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    engine: str = "local",
    *,
    workers: int | None = None,
    shard: str | None = None,
    ray_address: str | None = None,
    memory: int | None = None,
    time_limit: float | None = None,
    retry_failed: bool = False,
    options: AuditOptions | None = None,
    watch: Watch | None = None,
) -> Fleet:
    """Audit many checkpoints into a store of Parquet tables; what is there and still holds is not done again.

    A checkpoint that cannot be audited is an outcome, `Fleet.failures`, and never ends the run. Interrupted,
    or killed, it leaves a store that the next run goes on with.

    Args:
        paths: as `audit` takes them, or folders of checkpoints, steps of runs, globs.
        out: the folder of the store; made where there is none.
        engine: `local`, `shard` (local, on a part of the list) or `ray`.
        workers: processes at once; by default as many as there are processors (or Ray has).
        shard: such as `3/64`: only these checkpoints.
        ray_address: of a running cluster; by default that of RAY_ADDRESS, else one on this machine.
        memory: bytes that a worker may use.
        time_limit: seconds that one checkpoint may take.
        retry_failed: audit again what failed before and has not changed since.
        options: how to audit.
        watch: told how far it is, from any thread.

    Raises:
        UsageError: an argument that cannot be acted on, or a checkpoint list that is empty.
        RefusedError: the store cannot be written, or no worker started.
        MissingExtraError: pyarrow (extra `table`) or Ray (extra `ray`) is not installed.
    """
    arrow()
    if options is not None:
        require("options", options, AuditOptions, "rowscope.inspector.fleet.AuditOptions(...)")
    options = _absolute(options or AuditOptions())
    check_codes(options.select, "--select")
    check_codes(options.ignore, "--ignore")
    stated = options.stated()
    part = read_shard(shard, engine)
    working = engine_named(engine, Limits(workers, memory, time_limit), ray_address)
    places = expand(_each(paths))
    if part is not None:
        places = shard_of(places, *part)
    named = None if part is None else f"{part[0]}/{part[1]}"
    store = Store(out, create=True)
    run = Run(store, State(engine, working.workers, named, len(places)))
    return _Work(run, working, places, options, stated, retry_failed, watch).all()


def _each(paths: Any) -> list[Any]:  # noqa: ANN401 - what is no path is told by `expand`
    """One path, or several, as a list."""
    one = isinstance(paths, (str, bytes, os.PathLike)) or not isinstance(paths, Iterable)
    return [paths] if one else list(paths)


def _absolute(options: AuditOptions) -> AuditOptions:
    """With files and folders as every worker finds them, wherever it runs."""
    given = {name: getattr(options, name) for name in ("tokenizer", "base", "baseline", "cache")}
    found = {name: os.path.abspath(at) for name, at in given.items() if at and os.path.exists(at)}
    return dataclasses.replace(options, **found)


class _Work:
    """One run, from its plan to its tables."""

    def __init__(
        self,
        run: Run,
        engine: Engine,
        places: Sequence[Place],
        options: AuditOptions,
        stated: Mapping[str, Any],
        retry_failed: bool,
        watch: Watch | None,
    ) -> None:
        self.run, self.engine, self.places = run, engine, places
        self.options, self.stated, self.watch = options, stated, watch
        self.ledger = Ledger(run.store, run.store.entries(), retry_failed)
        self.results: dict[str, Entry] = {}
        self.compacted = False

    def all(self) -> Fleet:
        """Audit, compact, sum up. However it ends, the store says so."""
        how = "interrupted"
        try:
            with self._heartbeat():
                try:
                    self._audit(self.places)
                finally:
                    damaged = self._compact()
                if damaged:
                    self.ledger.refresh()
                    self._audit([at for at in self.places if at.checkpoint in damaged])
                    self._compact()
            how = "done"
        finally:
            self.run.end(how)
        return self._sum_up()

    def _audit(self, places: Sequence[Place]) -> None:
        state = self.run.state
        state.phase = "auditing"
        if self.run.others():  # not in the same order as they, so that all do different ones
            places = random.Random(self.run.id).sample(places, len(places))
        tasks = plan(self.run, places, self.ledger, self.options, self.stated, self._unchanged)
        with closing(tasks), closing(self.engine.submit(tasks)) as outcomes:
            for outcome in outcomes:
                entry = self.ledger.record(self.run, outcome)
                self.results[entry.checkpoint] = entry
                state.workers = self.engine.workers
                state.bytes += outcome.bytes
                state.audited += bool(outcome.part) and not entry.failed
                state.failed += bool(outcome.part) and entry.failed
                state.unchanged += not outcome.part
                if self.watch is not None:
                    self.watch(state, outcome)

    def _unchanged(self, entry: Entry) -> None:
        self.results[entry.checkpoint] = entry
        self.run.state.unchanged += 1

    def _compact(self) -> set[str]:
        """The tables, unless another run will make them; checkpoints whose parts were damaged."""
        self.run.state.phase = "compacting"
        self.run.tell()
        if self.run.others():
            return set()
        done = compact(self.run)
        self.compacted = True
        return {entry.checkpoint for entry in done.damaged}

    @contextmanager
    def _heartbeat(self) -> Iterator[None]:
        """Say how far it is, every other second."""
        stopped = threading.Event()

        def beat() -> None:
            while not stopped.wait(_HEARTBEAT):
                self.run.state.now = self.engine.now()
                try:
                    self.run.tell()
                except RowscopeError:  # the next result that cannot be stored ends the run
                    return
                if self.watch is not None:
                    self.watch(self.run.state, None)

        thread = threading.Thread(target=beat, name="rowscope-fleet", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _sum_up(self) -> Fleet:
        state = self.run.state
        entries = [self.results[at.checkpoint] for at in self.places if at.checkpoint in self.results]
        return Fleet(
            out=str(self.run.store.folder),
            checkpoints=len(self.places),
            audited=state.audited,
            unchanged=state.unchanged,
            failures=self._told(entries, "failed"),
            partial=self._told(entries, "partial"),
            findings=dict(Counter(at.worst or "none" for at in entries if not at.failed)),
            bytes=state.bytes,
            engine=state.engine,
            workers=state.workers,
            shard=state.shard,
            compacted=self.compacted,
            seconds=time.time() - state.started,
        )

    def _told(self, entries: Sequence[Entry], status: str) -> tuple[Failure, ...]:
        """What the parts of one status say for themselves."""
        told = []
        for entry in entries:
            part = decode(self.run.store.read(entry)) if entry.status == status else None
            if part is not None:
                (row,) = part["checkpoints"]
                words = row.get("error_message") or "; ".join(row.get("skipped") or ())
                told.append(Failure(row["path"], row.get("error_code") or "PARTIAL", words, row.get("host")))
        return tuple(told)
