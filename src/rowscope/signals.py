"""Signals that end a command: they become an exception, so that what was begun is cleaned up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_ENDING: Final = ("SIGINT", "SIGTERM", "SIGHUP")

WORDS: Final = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}


class Interrupted(KeyboardInterrupt):
    """One of the signals that end a command.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it SIGINT, SIGTERM and SIGHUP raise `Interrupted`, each but once; and as it ends, where the
    exception was lost (Python drops those of finalisers).

    While the first one cleans up, a second one ends the process at once. A signal that is ignored stays
    ignored (`nohup`), and one that somebody else handles stays theirs; outside the main thread, where
    Python does not let signals be handled, nothing changes.
    """
    taken: list[int] = []
    held: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def end(number: int, frame: FrameType | None) -> None:
        for other in held:
            signal.signal(other, signal.SIG_DFL)
        taken.append(number)
        raise Interrupted(number)

    if threading.current_thread() is threading.main_thread():
        for name in _ENDING:
            number = getattr(signal, name, None)
            if number is None:
                continue
            present = signal.getsignal(number)
            if present in (signal.SIG_DFL, signal.default_int_handler):
                held[number] = present
    try:
        for number in held:
            signal.signal(number, end)
        yield
        if taken:
            raise Interrupted(taken[0])
    finally:
        for number, present in held.items():
            signal.signal(number, present)


def words_of(stop: KeyboardInterrupt) -> tuple[str, int]:
    """What to say about an interruption, and the exit code: 128 and the signal's number, as in shells."""
    number = stop.number if isinstance(stop, Interrupted) else signal.SIGINT
    return WORDS[signal.Signals(number).name], 128 + number
