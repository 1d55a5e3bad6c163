"""A command ended, or refused by the system, at any of its steps that change the disk.

It runs in a forked child in which the functions of `os` that change files are watched: commands have no other
way to do so. The child counts them and acts at one of them.
"""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHANGING = ("open", "write", "pwrite", "copy_file_range", "fsync", "mkdir", "link", "rename", "replace")
CLEANING = ("unlink", "rmdir", "fchmod", "fchown", "chmod")
WRITING = ("write", "pwrite", "copy_file_range")

KINDS = {
    "SIGKILL before": CHANGING + CLEANING,
    "SIGKILL after": CHANGING + CLEANING,
    "SIGKILL half-way": WRITING,
    "SIGTERM": CHANGING,
    "SIGINT": CHANGING,
    "ENOSPC": CHANGING,
    "full from there on": CHANGING,
    "short": WRITING,
}
"""What happens at a step, and at which steps it can. Removing a file needs no space, and is mostly the
answer to a signal already: a second one ends the process, as SIGKILL does."""

EXIT = {"SIGTERM": 143, "SIGINT": 130, "SIGKILL": -9}


@dataclass(frozen=True)
class Point:
    """Step `at` of a command, counting from 1, and what happens there."""

    at: int
    step: str
    kind: str


def run(words: tuple[str, ...], where: Path, point: Point | None = None) -> tuple[int, list[str], str]:
    """Exit code (negative for a signal), the names of the steps taken, and what stands on standard error."""
    report, child_end = os.pipe()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.close(report)
            code = _in_child(words, where, point, child_end)
        finally:
            if sys.exception() is not None:
                _REAL["write"](child_end, b"\0" + traceback.format_exc().encode())
            os._exit(code)
    os.close(child_end)
    with os.fdopen(report, "rb") as lines:
        steps, _, said = lines.read().decode(errors="replace").partition("\0")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), steps.split(), said


def _in_child(words: tuple[str, ...], where: Path, point: Point | None, report: int) -> int:
    from rowscope import cli

    os.chdir(where)
    os.environ["XDG_STATE_HOME"] = str(where / "state")
    out, err = (os.open(where.parent / name, os.O_RDWR | os.O_CREAT | os.O_TRUNC) for name in ("out", "err"))
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    # As a shell starts it: these may be ignored here (in a background job), or somebody else's.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.argv = ["rowscope", *words]
    _watch(point, report)
    try:
        cli.main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0
    sys.stderr.flush()
    _REAL["write"](report, b"\0" + os.pread(err, 1 << 16, 0))
    return code


_REAL: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in CHANGING + CLEANING}


def _watch(point: Point | None, report: int) -> None:
    taken = [0]

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            if name == "open" and not arguments[1] & os.O_CREAT:
                return real(*arguments, **more)
            taken[0] += 1
            _REAL["write"](report, f"{name} ".encode())
            if point is not None and taken[0] == point.at:
                return _act(point.kind, name, real, arguments, more)
            later = point is not None and point.kind == "full from there on" and taken[0] > point.at
            if later and name in CHANGING and name not in ("rename", "replace"):
                raise OSError(28, "No space left on device")
            return real(*arguments, **more)

        return call

    for name, real in _REAL.items():
        call = watched(name, real)
        for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if real in able:
                able.add(call)
        setattr(os, name, call)


def _act(
    kind: str, name: str, real: Callable[..., Any], arguments: tuple[Any, ...], more: dict[str, Any]
) -> Any:
    if kind in ("ENOSPC", "full from there on"):
        raise OSError(28, "No space left on device")
    if kind in ("SIGKILL half-way", "short"):
        done = real(*_half(name, arguments), **more)
        if kind == "short":
            return done
    try:
        if kind in ("SIGTERM", "SIGINT", "SIGKILL after"):
            result = real(*arguments, **more)
    finally:  # also where the step fails by itself, as for a folder that is there
        os.kill(os.getpid(), getattr(signal, kind.split()[0]))
    return result


def _half(name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if name == "copy_file_range":
        source, target, count, *rest = arguments
        return source, target, max(count // 2, 1), *rest
    file, data, *rest = arguments
    return file, bytes(memoryview(data)[: max(len(data) // 2, 1)]), *rest


def points(steps: list[str]) -> Iterator[Point]:
    for at, step in enumerate(steps, 1):
        yield from (Point(at, step, kind) for kind, where in KINDS.items() if step in where)


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    """Content's hash and mode of everything below a folder, links as such."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            found[str(path.relative_to(folder))] = (
                hashlib.sha256(path.read_bytes()).hexdigest(),
                stat.S_IMODE(status.st_mode),
            )
        else:
            found[f"{path.relative_to(folder)}/"] = ("", stat.S_IFMT(status.st_mode))
    return found
