"""Where tasks are worked on: the small interface that every engine has."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Protocol

from rowscope.inspector.fleet.task import Outcome, Task
from rowscope.inspector.frozen import record


@record
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
