"""A folder held open: what lies in it is reached from its descriptor, part by part, and no link is followed.

A checkpoint's folder may have been downloaded. A link in it, be it a file
or a folder on the way to one, would lead what is written to somewhere else.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from rowscope.inspector.errors import RefusedError

_SAFE: Final = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
_FOLDER: Final = _SAFE | getattr(os, "O_DIRECTORY", 0)


class Inside:
    """A folder held open; a context manager.

    Args:
        path: how messages spell it.
        at: its descriptor, which is closed in the end.
    """

    def __init__(self, path: Path, at: int) -> None:
        self.path, self.at = path, at

    @classmethod
    def of(cls, path: Path) -> Self:
        """The folder that a user named, links on the way to it followed.

        Raises:
            OSError: it cannot be opened.
        """
        return cls(path, os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *trouble: object) -> None:
        os.close(self.at)

    def folder(self, name: str) -> Inside:
        """A folder below, each part of its name opened in the one above.

        Raises:
            OSError: it is not there.
            RefusedError: a part is a link, or no folder.
        """
        at, path = os.dup(self.at), self.path
        for part in _parts(name):
            path = path / part
            try:
                below = os.open(part, os.O_RDONLY | _FOLDER, dir_fd=at)
            except (FileNotFoundError, PermissionError):
                raise
            except OSError as error:
                raise _no_folder(path) from error
            finally:
                os.close(at)
            at = below
        return Inside(path, at)

    @contextmanager
    def above(self, name: str) -> Iterator[tuple[int, str]]:
        """The descriptor of the folder that a name lies in, and the name's last part; raises as `folder`."""
        *folders, last = _parts(name)
        with ExitStack() as stack:
            at = stack.enter_context(self.folder("/".join(folders))).at if folders else self.at
            yield at, last

    def status(self, name: str) -> os.stat_result | None:
        """What a name stands for, the link itself where it is one; None where there is nothing."""
        try:
            with self.above(name) as (at, last):
                return os.stat(last, dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open(self, name: str, flags: int = os.O_RDONLY) -> int:
        """A descriptor of a regular file.

        Raises:
            OSError: it is not there, or is not to be opened.
            RefusedError: it, or a folder on the way to it, is a link or no regular file or folder.
        """
        path = self.path / name
        with self.above(name) as (at, last):
            status = os.stat(last, dir_fd=at, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise _no_file(path, status.st_mode)
            file = os.open(last, flags | _SAFE, dir_fd=at)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise _no_file(path, os.fstat(file).st_mode)
        return file

    def read(self, name: str, limit: int) -> bytes:
        """A whole file; raises as `open`, and RefusedError above the limit."""
        file = self.open(name)
        with os.fdopen(file, "rb") as opened:
            size = os.fstat(file).st_size
            if size > limit:
                raise RefusedError(
                    f"{str(self.path / name)!r} has {size:,} bytes, above the limit of {limit:,} for a file "
                    "of this kind; restore the checkpoint from its source",
                    location=str(self.path / name),
                )
            return opened.read()

    def names(self) -> list[str]:
        """Names of everything in it, sorted."""
        return sorted(os.listdir(self.at))


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    assert all(part not in ("", ".", "..") for part in parts), name
    return parts


def _no_folder(path: Path) -> RefusedError:
    what = f"a link to {os.readlink(path)!r}" if path.is_symlink() else "no folder"
    return RefusedError(
        f"{str(path)!r} is {what}, and nothing is written through it; take the checkpoint from its source, "
        "or copy it with its links followed (cp -rL)",
        location=str(path),
    )


def _no_file(path: Path, mode: int) -> RefusedError:
    what = "no regular file"
    if stat.S_ISLNK(mode):
        what = f"a link to {os.readlink(path)!r} (the Hugging Face cache shares files so)"
    return RefusedError(f"{str(path)!r} is {what}; claim with --out DIR", location=str(path))
