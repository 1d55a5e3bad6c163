"""Copying weights while the claim is still being planned: the plan computes, the copy waits for the disk."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from rowscope.inspector.checkpoint import path_text
from rowscope.inspector.claim.disk.disk import Disk
from rowscope.inspector.claim.disk.target import (
    check_target,
    clear_temporary,
    make_temporary,
    not_made,
    temporary_name,
)
from rowscope.inspector.claim.disk.transfer import apply_patches

if TYPE_CHECKING:
    from rowscope.inspector.claim.model import RowPatch

_PIECE: Final = 1 << 28


class EarlyCopy:
    """Copies of weights files in the temporary folder of a claim that is not planned yet.

    A context manager: on the way out the temporary folder is removed, unless `apply_claim` has taken it over
    (`early=`). Killed at any moment it leaves what `apply_claim` would: a folder marked as incomplete.

    Args:
        root: the checkpoint's folder.
        shards: names of the weights files to copy: those with vocabulary matrices, which every claim copies.
        out: the claim's target.

    Raises:
        RefusedError: (on entry) the target exists, lies inside the source, or cannot be made.
        OSError: (from `finish`) as the system gives it.
    """

    def __init__(
        self, root: Path, shards: Sequence[str], out: str | os.PathLike[str], *, disk: Disk | None = None
    ) -> None:
        self.target = Path(os.path.abspath(path_text(out)))
        self.temporary = temporary_name(self.target)
        self._root, self._shards, self._disk = root, tuple(dict.fromkeys(shards)), disk or Disk()
        self._failure: OSError | None = None
        self._stop = threading.Event()
        self._taken = False
        self._thread = threading.Thread(target=self._run, name="rowscope-copy")

    def __enter__(self) -> Self:
        check_target(self._root, self.target)
        try:
            make_temporary(self._disk, self.temporary)
            for folder in sorted({above for shard in self._shards for above in Path(shard).parents[:-1]}):
                self._disk.make_folder(self.temporary / folder)
            self._thread.start()
        except OSError as error:
            clear_temporary(self._disk, self.temporary)
            raise not_made(error, self.target) from error
        except BaseException:
            clear_temporary(self._disk, self.temporary)
            raise
        return self

    def take_over(self) -> Path:
        """The temporary folder, whose removal is the caller's from now on; it holds the marker."""
        self._taken = True
        return self.temporary

    def finish(self, shard: str, patches: Sequence[RowPatch]) -> bool:
        """Wait for the copy of a file, patch it and make it durable; False where it is none of the copies.

        Raises:
            RefusedError: the bytes to patch are no longer those of the plan.
        """
        if shard not in self._shards:
            return False
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        file = os.open(self.temporary / shard, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        try:
            apply_patches(self._disk, file, patches, str(self._root / shard))
            self._disk.sync(file)
        finally:
            os.close(file)
        return True

    def __exit__(self, *trouble: object) -> None:
        self._stop.set()
        self._thread.join()
        if not self._taken:
            clear_temporary(self._disk, self.temporary)

    def _run(self) -> None:
        try:
            for shard in self._shards:
                self._copy(shard)
        except OSError as error:
            self._failure = error

    def _copy(self, shard: str) -> None:
        """Copy one file piece by piece, until told to stop."""
        path = self.temporary / shard
        origin = os.open(self._root / shard, os.O_RDONLY)
        try:
            file = self._disk.create(path)
            try:
                status = os.fstat(origin)
                for start in range(0, status.st_size, _PIECE):
                    if self._stop.is_set():
                        return
                    self._disk.copy(origin, file, start, min(start + _PIECE, status.st_size))
                self._disk.set_mode(file, stat.S_IMODE(status.st_mode))
            finally:
                os.close(file)
        finally:
            os.close(origin)
