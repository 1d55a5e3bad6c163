"""Bars on standard error: on a terminal only, and only for work of more than a second."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from rowscope.terminal import quiet

if TYPE_CHECKING:
    from rowscope.inspector.checkpoint import Checkpoint
    from rowscope.inspector.fleet import Outcome, State

AFTER: Final = 1.0
"""Seconds after which a bar opens, also where nothing is counted yet: it says what is being waited for."""


class Bar:
    """What both kinds share. A timer opens it, since reading a tokenizer or loading a model counts nothing.

    Args:
        waiting: what is done before anything is counted, such as `loading the model`.
    """

    def __init__(self, waiting: str) -> None:
        self._waiting = waiting
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._timer = threading.Timer(AFTER, self._open)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not quiet():
            self._timer.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._bar is None:
                return
            if trouble[0] is None:
                self._finish()
            self._bar.stop()

    def _finish(self) -> None:
        """What was done is done whole: how often rows are looked at depends on what is found in them."""
        for task in self._bar.tasks:
            if task.total is not None:
                self._bar.update(task.id, completed=task.total)

    def _open(self) -> None:
        with self._lock:
            from rich.console import Console
            from rich.progress import Progress as RichBar

            self._bar = RichBar(console=Console(stderr=True), transient=True)
            self._bar.start()
            self._tasks[self._waiting] = self._bar.add_task(self._waiting, total=None)

    def _show(self, task: str, done: int, total: int, words: str | None = None) -> None:
        with self._lock:
            if self._bar is None:
                return
            if self._waiting in self._tasks:
                self._bar.remove_task(self._tasks.pop(self._waiting))
            if task not in self._tasks:
                self._tasks[task] = self._bar.add_task(task, total=total)
            self._bar.update(self._tasks[task], completed=done, total=total, description=words or task)


class Progress(Bar):
    """Counts rows, and the bytes of what is fetched.

    Args:
        passes: how often each row is looked at, at most as a rule: without a reference it is once.
        rows: those that are looked at; the rows of all the first checkpoint's matrices where None.
    """

    def __init__(self, *checkpoints: Checkpoint, passes: int = 2, rows: int | None = None) -> None:
        super().__init__("reading the tokenizer")
        known = sum(matrix.rows for matrix in checkpoints[0].matrices) if rows is None else rows
        self._total = passes * known
        self._done = 0
        self._traffic = [traffic for checkpoint in checkpoints for traffic in checkpoint.traffic]

    def __enter__(self) -> Self:
        for traffic in self._traffic:
            traffic.watch(self._fetched)
        return super().__enter__()

    def __exit__(self, *trouble: object) -> None:
        for traffic in self._traffic:
            traffic.watch(None)
        super().__exit__(*trouble)

    def _fetched(self) -> None:
        done = sum(traffic.fetched for traffic in self._traffic)
        total = sum(max(traffic.fetched, traffic.expected) for traffic in self._traffic)
        self._show("bytes", done, total, f"fetched {done / 1e6:,.1f} of {total / 1e6:,.1f} MB")

    def __call__(self, rows: int) -> None:
        self._done += rows
        self._show("rows", min(self._done, self._total), self._total)


class StageProgress(Bar):
    """Work in named stages: called with (stage, done, total)."""

    def __init__(self, waiting: str = "loading the model") -> None:
        super().__init__(waiting)

    def __call__(self, stage: str, done: int, total: int) -> None:
        self._show(stage, done, total)


EVERY: Final = 60.0
"""Seconds between two lines on the progress of a fleet where there is no terminal."""


class FleetProgress:
    """How far a fleet is: one line that is written over on a terminal, elsewhere a line a minute; and a line
    for each checkpoint that fails, with path, code and host.

    Args:
        again: the store, which an interrupted run leaves for the next one.
    """

    def __init__(self, again: str) -> None:
        self._again = again
        self._state: State | None = None
        self._quiet = quiet()
        self._terminal = sys.stderr.isatty() and not self._quiet
        self._lock = threading.Lock()
        self._last = time.monotonic()
        self._shown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *trouble: object) -> None:
        from rowscope.inspector.render.fleet import progress_text
        from rowscope.inspector.text import visible
        from rowscope.terminal import say

        with self._lock:
            self._clear()
        if isinstance(trouble[1], KeyboardInterrupt):
            done = "ended as it began" if self._state is None else progress_text(self._state)
            say(f"{done}; run the same command again to go on with {visible(self._again)}")

    def __call__(self, state: State, outcome: Outcome | None) -> None:
        from rowscope.inspector.render.fleet import progress_text
        from rowscope.inspector.text import visible
        from rowscope.terminal import say

        self._state = state
        with self._lock:
            if outcome is not None and outcome.code is not None and outcome.part:
                self._clear()
                path, words = visible(outcome.place.path), visible(outcome.message or "")
                say(f"{path} [{outcome.code}] on {visible(outcome.host)}: {words}")
            now = time.monotonic()
            if self._terminal and (outcome is None or now - self._last > 0.1):
                self._last = now
                self._line(progress_text(state))
            elif not self._terminal and not self._quiet and now - self._last >= EVERY:
                self._last = now
                say(progress_text(state))

    def _line(self, text: str) -> None:
        text = text[: max(20, shutil.get_terminal_size().columns - 1)]
        self._write(f"\r{text:<{self._shown}}")
        self._shown = len(text)

    def _clear(self) -> None:
        if self._shown:
            self._write(f"\r{'':<{self._shown}}\r")
            self._shown = 0

    @staticmethod
    def _write(text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
