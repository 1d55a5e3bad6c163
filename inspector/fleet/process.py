"""One worker of the local engine, from its supervisor's side: a process, its pipe, the task that it has."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pickle import UnpicklingError
from typing import Final

from rowscope.inspector.fleet.task import Outcome, Task
from rowscope.inspector.frozen import record

# Not multiprocessing's own start: it would run the caller's main module again in every worker.
_START: Final = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given['path']; "
    "from rowscope.inspector.fleet.worker import serve; "
    "serve(given['pipe'], given['threads'], given['memory'])"
)
_LAST_WORDS: Final = 4096


@record
class Ended:
    """How a worker ended.

    Attributes:
        code: of the failure that its task becomes: `WORKER_LOST`, or `CRASHED` for a fault of rowscope.
        words: what happened: `was killed by SIGKILL`.
        advice: the next step.
    """

    code: str
    words: str
    advice: str


class Process:
    """A worker.

    Attributes:
        pipe: its messages come from here.
        ready: whether it has started and takes tasks.
        task: what it works on, since `since` (of `time.monotonic`).
    """

    def __init__(self, threads: int, memory: int | None) -> None:
        ours, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed as the process ends
        given = {"path": sys.path, "pipe": theirs.fileno(), "threads": threads, "memory": memory}
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS", "1")}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, json.dumps(given)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(theirs.fileno(),),
                env=environment,
                start_new_session=True,  # Ctrl-C is for the supervisor
            )
        self.pipe = Connection(ours.detach())
        self.ready = False
        self.task: Task | None = None
        self.since = 0.0

    @property
    def free(self) -> bool:
        """Whether it can take a task."""
        return self.ready and self.task is None

    def give(self, task: Task) -> None:
        """A task to work on; that the worker has ended is told by `hear`."""
        self.task, self.since = task, time.monotonic()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send(task)

    def hear(self) -> Outcome | Ended | None:
        """What it says: an outcome, None for being ready, or how it ended, half-way through a message too."""
        try:
            said: object = self.pipe.recv()
        except (EOFError, OSError, UnpicklingError):
            return self._end(None)
        if isinstance(said, Outcome):
            self.task = None
            return said
        if isinstance(said, str) and said:
            return self._end(said)
        self.ready = True
        return None

    def _end(self, fault: str | None) -> Ended:
        """How it ended; `fault` is the traceback that it sent, where it had the time."""
        self.kill(after=2.0)
        code = self._process.returncode
        self._errors.close()
        if fault is not None:
            last = fault.strip().splitlines()[-1]
            advice = "this is a fault of rowscope: please report it with the checkpoint's header"
            return Ended("CRASHED", f"failed with {last}", advice)
        if code is not None and code < 0:
            advice = "it may have run out of memory: run again with --retry-failed and fewer --workers"
            return Ended("WORKER_LOST", f"was killed by {signal.Signals(-code).name}", advice)
        said = self._last_words()
        return Ended("WORKER_LOST", f"ended with exit status {code}{said}", "run again with --retry-failed")

    def _last_words(self) -> str:
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _LAST_WORDS))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f" ({lines[-1]})" if lines else ""

    def kill(self, after: float = 0.0) -> None:
        """End the process, at once or where it has not ended by itself in so many seconds."""
        self.task = None
        self.pipe.close()
        try:
            self._process.wait(after)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
