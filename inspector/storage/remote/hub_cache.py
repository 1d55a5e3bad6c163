"""The hub's own cache: small files are read from it, and kept in it, as huggingface_hub lays it out."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import Final

from rowscope.inspector.storage.remote.hub_environment import hub_cache

_DIGEST: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SMALL: Final = 64 << 20


class HubCache:
    """One repository in the cache: `blobs/DIGEST`, `snapshots/COMMIT/NAME` as links to them, `refs/REVISION`.

    A cache that cannot be read or written is none: nothing here raises.
    """

    def __init__(self, repository: str, revision: str) -> None:
        self._folder = hub_cache() / f"models--{repository.replace('/', '--')}"
        self._revision = revision

    def blob(self, digest: str, size: int) -> bytes | None:
        """A small file that is there whole; None for any other, and for one that is damaged."""
        if size > _SMALL or not _DIGEST.fullmatch(digest):
            return None
        try:
            data = (self._folder / "blobs" / digest).read_bytes()
        except OSError:
            return None
        return data if len(data) == size and digest_of(data, digest) == digest else None

    def keep(self, commit: str, name: str, digest: str, data: bytes) -> None:
        """Add a file. A revision that the cache knows as another commit stays that commit: what is there
        whole would else no longer be found."""
        if not _DIGEST.fullmatch(digest):
            return
        blob = self._folder / "blobs" / digest
        link = self._folder / "snapshots" / commit / name
        reference = self._folder / "refs" / self._revision
        with contextlib.suppress(OSError):
            if not blob.exists():
                _write(blob, data)
            if not os.path.lexists(link):
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(os.path.relpath(blob, link.parent))
            if self._revision != commit and not reference.exists():
                _write(reference, commit.encode())


def digest_of(data: bytes, like: str) -> str:
    """The digest of content in the form of another: sha256, git's sha1 of a blob, else that one itself."""
    if len(like) == 64:
        return hashlib.sha256(data).hexdigest()
    if len(like) == 40:
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    return like


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.incomplete")
    part.write_bytes(data)
    os.replace(part, path)
