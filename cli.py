"""The command `rowscope` as a process: what holds for a whole run, and the exit code."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

    import typer

_OWN_FAULT: Final = 70
"""EX_SOFTWARE of sysexits.h."""

_MADE: Final = 500_000
"""Objects that a run makes before the interpreter searches for circles among them."""


def main() -> None:
    """Entry point of the command `rowscope`."""
    # What a start makes, it keeps: the searches at every 700 objects find nothing, in a twentieth of the time
    # of a small audit. Nor is there anything to find as the process ends, in 30 ms.
    before = gc.get_threshold()
    gc.set_threshold(_MADE)
    atexit.register(gc.freeze)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from rowscope.streams import open_missing

        open_missing()
    hook, sys.excepthook = sys.excepthook, _own_fault
    words = sys.argv[1:]
    _one_blas_thread(words)
    from rowscope.commands.application import run

    try:
        code = run(words)
    except SystemExit:
        sys.excepthook = hook
        raise
    finally:
        _collect_later()
        gc.set_threshold(*before)
    sys.excepthook = hook  # whoever called this from Python has faults of its own
    sys.exit(code)


def _collect_later() -> None:
    """Count what the run made as old: a process that goes on searches it in its time, one that ends never."""
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()


def _own_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A fault of rowscope's own: Python would exit with 1, which says that there are findings."""
    sys.__excepthook__(kind, error, trace)
    print("rowscope: this is a fault of rowscope, not of the checkpoint; please report it", file=sys.stderr)
    sys.stderr.flush()
    os._exit(_OWN_FAULT)


def _one_blas_thread(words: list[str]) -> None:
    """Keep numpy's OpenBLAS to this thread, unless the user says otherwise.

    Its products here are small: threads that start and wait cost a fifth of an audit's processor time and
    make nothing faster. Whoever loads the model keeps them, since torch may share the library.
    """
    if not {"probe", "study"}.intersection(words):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def __getattr__(name: str) -> typer.Typer:
    """`app`, the application with all commands, for tools that read it; made when it is asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rowscope.commands.application import make_app

    return make_app()


if __name__ == "__main__":
    main()
