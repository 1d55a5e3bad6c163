"""A hub for tests: its API and `resolve` addresses on one host, large files on another, signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from .remote_server import Handler, Line, Server

COMMIT = "c0ffee" + "0" * 34
NAME = "org/name"


class Hub:
    """One repository. `hub` answers the API and redirects, `cdn` has the content of large files.

    Attributes:
        large: smallest size in bytes that is kept on the second host.
        signature: what addresses of the second host must carry; others are refused with 403.
    """

    def __init__(self, files: Mapping[str, bytes], line: Line | None = None, large: int = 10_000) -> None:
        self.files = dict(files)
        self.large = large
        self.signature = "first"
        self.commit = COMMIT
        self.hub, self.cdn = Server({}, line), Server({}, line)
        self.hub.fallback = self._answer
        self.cdn.fallback = self._content

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead to it."""
        return {"HF_ENDPOINT": self.hub.url, "HF_HUB_OFFLINE": "0", "HF_TOKEN": "hf_secret"}

    @property
    def requests(self) -> int:
        return len(self.hub.seen) + len(self.cdn.seen)

    @property
    def sent(self) -> int:
        return sum(self.hub.sent.values()) + sum(self.cdn.sent.values())

    def _answer(self, handler: Handler) -> bool:
        if handler.at.startswith(f"/api/models/{NAME}/revision/"):
            handler.answer(200, json.dumps(self._listing()).encode(), {"Content-Type": "application/json"})
            return True
        start = f"/{NAME}/resolve/{self.commit}/"
        name = handler.at.removeprefix(start)
        if not handler.at.startswith(start) or name not in self.files:
            handler.answer(404, b"Entry not found", {"X-Error-Code": "EntryNotFound"})
            return True
        digest = _digest(self.files[name])
        said = {"X-Repo-Commit": self.commit, "X-Linked-Size": str(len(self.files[name]))}
        if len(self.files[name]) < self.large:
            handler.serve_bytes(self.files[name], {**said, "ETag": f'"{digest[:40]}"'})
            return True
        place = f"{self.cdn.url}/blobs/{digest}?Signature={self.signature}"
        handler.answer(302, b"Found", {**said, "X-Linked-ETag": f'"{digest}"', "Location": place})
        return True

    def _content(self, handler: Handler) -> bool:
        if not handler.path.endswith(f"?Signature={self.signature}"):
            handler.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
            return True
        for data in self.files.values():
            if handler.at == f"/blobs/{_digest(data)}":
                handler.serve_bytes(data, {"ETag": f'"{_digest(data)[:32]}"'})
                return True
        return False

    def _listing(self) -> dict[str, object]:
        return {
            "id": NAME,
            "sha": self.commit,
            "siblings": [self._sibling(*item) for item in self.files.items()],
        }

    def _sibling(self, name: str, data: bytes) -> dict[str, object]:
        git = "" if len(data) > 1 << 28 else hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        found: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git}
        if len(data) >= self.large:
            found["lfs"] = {"sha256": _digest(data), "size": len(data), "pointerSize": 134}
        return found

    def __enter__(self) -> Self:
        self.hub.__enter__()
        self.cdn.__enter__()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.hub.__exit__(*trouble)
        self.cdn.__exit__(*trouble)


_DIGESTS: dict[int, tuple[bytes, str]] = {}


def _digest(data: bytes) -> str:
    """sha256, counted once for each object."""
    known = _DIGESTS.get(id(data))
    if known is None or known[0] is not data:
        known = _DIGESTS[id(data)] = (data, hashlib.sha256(data).hexdigest())
    return known[1]


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a folder by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
