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
        digest = hashlib.sha256(self.files[name]).hexdigest()
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
            digest = hashlib.sha256(data).hexdigest()
            if handler.at == f"/blobs/{digest}":
                handler.serve_bytes(data, {"ETag": f'"{digest[:32]}"'})
                return True
        return False

    def _listing(self) -> dict[str, object]:
        return {
            "id": NAME,
            "sha": self.commit,
            "siblings": [self._sibling(*item) for item in self.files.items()],
        }

    def _sibling(self, name: str, data: bytes) -> dict[str, object]:
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        found: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git}
        if len(data) >= self.large:
            found["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return found

    def __enter__(self) -> Self:
        self.hub.__enter__()
        self.cdn.__enter__()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.hub.__exit__(*trouble)
        self.cdn.__exit__(*trouble)


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a folder by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
