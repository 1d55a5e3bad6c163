"""Machine code on the disk: loaded only from files and folders that nobody else but root can write to.

A file holds the SHA-256 of the code before the code. That finds damage, and nothing else: whoever can write
the code can write its digest, so that the owner and the permissions decide what is executed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from rowscope.kernels.private import PrivateFolder, UntrustedError

_LIMIT: Final = 64 << 20
"""Bytes of the largest file that is read; the kernels have some 30,000."""

_said: list[str] = []


class NotKeptWarning(RuntimeWarning):
    """Machine code is compiled anew in every process, because no folder can be trusted with it."""


def read(folders: Sequence[Path], name: str) -> bytes | None:
    """The machine code in the first folder that has it, undamaged and to be trusted; None where none has."""
    for folder in folders:
        with _opened(folder) as opened:
            stored = opened.read(name, _LIMIT) if opened is not None else None
        if stored is not None and _digest(stored[32:]) == stored[:32]:
            return stored[32:]
    return None


def has(folders: Sequence[Path], name: str) -> bool:
    """Whether `read` would look into a file of that name."""
    for folder in folders:
        with _opened(folder) as opened:
            if opened is not None and opened.has(name):
                return True
    return False


def write(folders: Sequence[Path], name: str, code: bytes) -> Path | None:
    """Keep machine code in the first folder that takes it; None, and a word about it, where none can."""
    return _put(folders, name, _digest(code) + code)


def marked_before(folders: Sequence[Path], name: str) -> bool:
    """Whether the mark is there already; it is from now on, where a folder takes it."""
    if has(folders, name):
        return True
    _put(folders, name, b"")
    return False


def remove(folder: Path, outdated: Callable[[str], bool]) -> None:
    """Remove files from a folder by their names."""
    with _opened(folder) as opened, suppress(OSError):
        if opened is not None:
            for name in filter(outdated, opened.names()):
                opened.remove(name)


def _put(folders: Sequence[Path], name: str, data: bytes) -> Path | None:
    reasons = []
    for folder in folders:
        try:
            with PrivateFolder(folder, make=True) as opened:
                opened.write(name, data)
                return folder
        except UntrustedError as error:
            reasons.append(str(error))
        except OSError:
            continue
    if reasons:
        _say(reasons[-1])
    return None


@contextmanager
def _opened(folder: Path) -> Iterator[PrivateFolder | None]:
    try:
        opened = PrivateFolder(folder)
    except OSError:  # UntrustedError is one
        yield None
        return
    with opened:
        yield opened


def _say(reason: str) -> None:
    """Once a process."""
    if not _said:
        _said.append(reason)
        words = f"compiled kernels are not kept for later runs, since they are machine code and {reason}"
        warnings.warn(words, NotKeptWarning, stacklevel=3)


def _digest(code: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(code).digest()
