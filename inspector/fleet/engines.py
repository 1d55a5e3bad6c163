"""Where tasks are worked on: one small interface, and the engines behind it by name."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from rowscope.inspector.errors import UsageError
from rowscope.inspector.fleet.task import Outcome, Task

ENGINES: Final = ("local", "shard", "ray")
"""`shard` is `local` on a part of the list."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine may take.

    Attributes:
        workers: processes at once; None for as many as there are processors.
        memory: bytes of memory that a worker may use; None for no bound.
        seconds: of one task; None for no bound.
    """

    workers: int | None = None
    memory: int | None = None
    seconds: float | None = None


class Engine(Protocol):
    """Works on tasks.

    Attributes:
        name: `local` or `ray`.
        workers: how many tasks are worked on at once, 0 where that is not known yet.
    """

    @property
    def name(self) -> str: ...
    @property
    def workers(self) -> int: ...

    def submit(self, tasks: Iterator[Task]) -> Generator[Outcome, None, None]:
        """Outcomes as they finish, in any order, one for each task. Tasks are taken from the iterator as
        there is room for them. Closing the iterator of outcomes ends what is under way.

        Raises:
            RefusedError: no worker can be started.
            MissingExtraError: the engine's library is not installed.
        """
        ...

    def now(self) -> list[str]:
        """Paths that are worked on at this moment, as far as the engine knows."""
        ...


def engine_named(name: str, limits: Limits, ray_address: str | None) -> Engine:
    """An engine by its name.

    Raises:
        UsageError: an unknown name, or an option that the engine does not have.
    """
    if name not in ENGINES:
        raise UsageError(f"--engine {name!r} is not known; use {', '.join(ENGINES)}", location="--engine")
    if name == "ray":
        from rowscope.inspector.fleet.on_ray import RayEngine

        return RayEngine(limits, ray_address)
    if ray_address is not None:
        raise UsageError(f"--ray-address is of --engine ray, not of {name}", location="--ray-address")
    from rowscope.inspector.fleet.local import LocalEngine

    return LocalEngine(limits)
