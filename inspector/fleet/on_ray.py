"""The engine `ray`: tasks on a Ray cluster, or on a local Ray where none is named. Core API only.

Nodes have rowscope of the same version installed and see the paths or URLs; results come back to the driver,
which alone writes to the store.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any, Final

from rowscope.inspector.errors import RefusedError, RowscopeError, UsageError, optional
from rowscope.inspector.fleet.engines import Limits
from rowscope.inspector.fleet.keys import footprint
from rowscope.inspector.fleet.task import Outcome, Task, failure, work

RETRIES: Final = 2
"""How often a task is begun again whose worker or node was lost."""

_AHEAD: Final = 2
"""Tasks handed over for each processor: one that is worked on and one that waits."""


class RayEngine:
    """A Ray cluster: an `Engine`.

    Args:
        limits: `workers` tasks at once, by default as many as the cluster has processors.
        address: of a running cluster; None for RAY_ADDRESS, else a Ray of this machine alone.

    Raises:
        UsageError: a limit of time.
        MissingExtraError: Ray is not installed (extra `ray`).
    """

    name = "ray"

    def __init__(self, limits: Limits, address: str | None) -> None:
        if limits.seconds is not None:
            raise UsageError(
                "--time-limit is of the engines local and shard: Ray ends no task for its time; leave it out",
                location="--time-limit",
            )
        self._ray = optional("ray", "ray", "--engine ray")
        self.workers = limits.workers or 0
        self._limits = limits
        self._address = address or os.environ.get("RAY_ADDRESS")

    def now(self) -> list[str]:
        """Nothing: Ray knows which of its tasks are worked on, its driver does not."""
        return []

    def submit(self, tasks: Iterator[Task]) -> Generator[Outcome, None, None]:
        """Outcomes as they finish; see `Engine`."""
        ray = self._ray
        ours = self._connect()
        remote = self._remote()
        under_way: dict[Any, Task] = {}
        try:
            while True:
                while len(under_way) < self.workers * _AHEAD and (task := next(tasks, None)) is not None:
                    under_way[remote.remote(task)] = task
                if not under_way:
                    return
                done, _ = ray.wait(list(under_way), num_returns=1)
                for reference in done:
                    yield self._outcome(reference, under_way.pop(reference))
        finally:
            for reference in under_way:
                with suppress(ray.exceptions.RayError, ValueError):
                    ray.cancel(reference, force=True)
            if ours:
                ray.shutdown()

    def _connect(self) -> bool:
        """Connect to the cluster; whether the connection is ours to end.

        Raises:
            RefusedError: there is none at the address.
        """
        ray = self._ray
        ours = not ray.is_initialized()
        if ours:
            local = {} if self._address else {"num_cpus": self._limits.workers, "include_dashboard": False}
            try:
                ray.init(address=self._address, log_to_driver=False, logging_level="error", **local)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise RefusedError(
                    f"no Ray at {self._address or 'this machine'!r}: {str(error).splitlines()[0]}; check "
                    "--ray-address or RAY_ADDRESS, and that the cluster runs this version of Ray",
                    location="--ray-address",
                ) from error
        self.workers = self._limits.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        return ours

    def _remote(self) -> Any:  # noqa: ANN401 - a remote function of Ray's
        options: dict[str, Any] = {"num_cpus": 1, "max_retries": RETRIES}
        if self._limits.memory is not None:
            options["memory"] = self._limits.memory
        return self._ray.remote(**options)(_work_on_node)

    def _outcome(self, reference: Any, task: Task) -> Outcome:  # noqa: ANN401 - an object reference
        """What a task came to; a fault of Ray's or of rowscope's own is the outcome of this task alone."""
        exceptions = self._ray.exceptions
        try:
            outcome = self._ray.get(reference)
            assert isinstance(outcome, Outcome)
            return outcome
        except exceptions.RayTaskError as error:
            last = str(error).strip().splitlines()[-1]
            words = f"failed with {last}; this is a fault of rowscope: please report it with the header"
            return self._failed(task, "CRASHED", words)
        except exceptions.RayError as error:
            first = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
            words = (
                f"was lost {RETRIES + 1} times ({first}); it may have run out of memory: run again with "
                "--retry-failed and --memory, of which Ray keeps so much free for each task"
            )
            return self._failed(task, "WORKER_LOST", words)

    @staticmethod
    def _failed(task: Task, code: str, words: str) -> Outcome:
        path = task.place.path
        error = RefusedError(f"{path!r}: the worker that audited it {words}", location=path, code=code)
        seen = None
        with suppress(RowscopeError):
            seen = footprint(task.place, task.options, task.stated)
        return failure(task, error, seen)


def _work_on_node(task: Task) -> Outcome:
    """One task in a worker of Ray's: one thread, as Ray counts it."""
    from rowscope.inspector.rows import limit_threads

    limit_threads(1)
    return work(task)
