"""The engine `local`: processes of this machine, each supervised by itself.

A pool whose workers share a pipe or a queue loses all tasks under way when one of them is killed. Here each
worker has a pipe of its own, and what ends with it is its own task.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from multiprocessing.connection import wait

from rowscope.inspector.errors import RefusedError, RowscopeError
from rowscope.inspector.fleet.engines import Limits
from rowscope.inspector.fleet.keys import footprint
from rowscope.inspector.fleet.process import Ended, Process
from rowscope.inspector.fleet.task import Outcome, Task, failure
from rowscope.inspector.rows import processors

RECYCLE = 2 << 30
"""Bytes of memory above which a worker is replaced after its task: whatever it kept goes with it."""

_ATTEMPTS = 3
"""Starts in a row that may fail before the run ends: the fault is then none of a checkpoint's."""

_TICK = 0.5


class LocalEngine:
    """Processes of this machine: an `Engine`."""

    name = "local"

    def __init__(self, limits: Limits) -> None:
        self.workers = limits.workers or processors()
        self._limits = limits
        self._crew: list[Process] = []
        self._failed_starts = 0

    def now(self) -> list[str]:
        """Paths that are worked on."""
        return [worker.task.place.path for worker in list(self._crew) if worker.task is not None]

    def submit(self, tasks: Iterator[Task]) -> Generator[Outcome, None, None]:
        """Outcomes as they finish; see `Engine`."""
        waiting: list[Task] = []
        try:
            while self._hand_out(tasks, waiting):
                for worker in self._heard():
                    outcome = self._outcome(worker)
                    if outcome is not None:
                        yield outcome
                for worker in self._overdue():
                    yield self._cut_off(worker)
        finally:
            for worker in self._crew:
                worker.kill()
            self._crew = []

    def _hand_out(self, tasks: Iterator[Task], waiting: list[Task]) -> bool:
        """Give each worker that is free a task, and start one where tasks wait for it. False at the end."""
        busy = sum(worker.task is not None for worker in self._crew)
        while len(waiting) < self.workers - busy and (task := next(tasks, None)) is not None:
            waiting.append(task)
        for worker in self._crew:
            if worker.free and waiting:
                worker.give(waiting.pop(0))
        starting = sum(not worker.ready for worker in self._crew)
        for _ in range(min(self.workers - len(self._crew), len(waiting) - starting)):
            self._start()
        return bool(waiting) or any(worker.task is not None for worker in self._crew)

    def _start(self) -> None:
        threads = max(1, processors() // self.workers)
        self._crew.append(Process(threads, self._limits.memory))

    def _heard(self) -> list[Process]:
        """Workers that said something, or ended."""
        pipes = {worker.pipe: worker for worker in self._crew}
        return [pipes[pipe] for pipe in wait(list(pipes), _TICK)]  # type: ignore[index]

    def _outcome(self, worker: Process) -> Outcome | None:
        """What a worker said: the outcome of its task, or nothing but that it is ready."""
        task = worker.task
        said = worker.hear()
        if said is None:
            self._failed_starts = 0
            return None
        if isinstance(said, Outcome):
            if said.resident > (self._limits.memory or RECYCLE):
                self._crew.remove(worker)
                worker.kill()
            return said
        self._crew.remove(worker)
        if task is None:
            self._failed_starts += not worker.ready
            if self._failed_starts >= _ATTEMPTS:
                raise RefusedError(f"no worker can be started: it {said.words}", location="--workers")
            return None
        return self._lost(task, said)

    def _lost(self, task: Task, ended: Ended) -> Outcome:
        path = task.place.path
        words = f"{path!r}: the worker that audited it {ended.words}; {ended.advice}"
        return failure(task, RefusedError(words, location=path, code=ended.code), _seen(task))

    def _overdue(self) -> list[Process]:
        if self._limits.seconds is None:
            return []
        now = time.monotonic()
        return [at for at in self._crew if at.task is not None and now - at.since > self._limits.seconds]

    def _cut_off(self, worker: Process) -> Outcome:
        task = worker.task
        assert task is not None
        self._crew.remove(worker)
        worker.kill()
        path = task.place.path
        words = (
            f"{path!r} took longer than {self._limits.seconds:g} s; run again with --retry-failed and a "
            "larger --time-limit"
        )
        return failure(task, RefusedError(words, location=path, code="TIMEOUT"), _seen(task))


def _seen(task: Task) -> str | None:
    """The checkpoint's footprint, of which its worker can no longer tell."""
    with suppress(RowscopeError):
        return footprint(task.place, task.options, task.stated)
    return None
