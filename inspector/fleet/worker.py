"""What a worker process of the local engine runs: imports once, then task after task until the pipe ends."""

from __future__ import annotations

import dataclasses
import faulthandler
import os
import signal
import traceback
from multiprocessing.connection import Connection
from typing import Final

READY: Final = ""
"""What a worker says as soon as it takes tasks; a traceback is its last word."""


def serve(pipe: int, threads: int, memory: int | None) -> None:
    """Work on tasks from the descriptor `pipe` until its other end is closed.

    Args:
        threads: of a scan.
        memory: bytes of memory that this process may use, None for no bound.
    """
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from rowscope.inspector.fleet.task import Task, work
    from rowscope.inspector.rows import limit_threads

    limit_threads(threads)
    _prepare()
    if memory is not None:
        _bound(memory)
    with Connection(pipe) as supervisor:
        supervisor.send(READY)
        while True:
            try:
                task = supervisor.recv()
            except (EOFError, OSError):  # the supervisor has ended
                return
            assert isinstance(task, Task)
            try:
                outcome = work(task)
            except BaseException:
                supervisor.send(traceback.format_exc())
                raise
            supervisor.send(dataclasses.replace(outcome, resident=resident()))


def _prepare() -> None:
    """What every task needs and none should pay for."""
    from rowscope.inspector.fleet.schema import arrow

    pa = arrow()
    import pyarrow.parquet  # noqa: F401

    pa.set_memory_pool(pa.system_memory_pool())  # the others keep what was freed


def _bound(memory: int) -> None:
    """At most so many bytes of memory of this process's own; mapped files are none, whatever their size."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    least = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (least, hard))


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as said:
            return int(said.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
