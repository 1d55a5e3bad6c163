"""Rigs of the remote backends for the suite that every backend passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from rowscope.inspector.storage import Patience, RemoteOptions
from rowscope.inspector.storage.interface import Folder
from rowscope.inspector.storage.remote.opening import open_remote

from ..remote_server import Handler, Server

QUICK: Final = RemoteOptions(patience=Patience(timeout=2.0, attempts=3, pause=0.01))


def forbidden(handler: Handler) -> bool:
    """The fault of a file that may not be read."""
    handler.answer(403, b"")
    return True


class WebRig:
    """Plain HTTP. Each `folder` looks anew."""

    snapshot = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._known = {**dict.fromkeys(files, 1), "another.json": 1}
        self.server = Server({f"/some/place/{name}": data for name, data in files.items()})

    @property
    def folder(self) -> Folder:
        return open_remote(f"{self.server.url}/some/place/", self._known, QUICK)

    def write(self, name: str, data: bytes) -> None:
        self.server.files[f"/some/place/{name}"] = data

    def forbid(self, name: str) -> None:
        self.server.faults[f"/some/place/{name}"] = forbidden

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.server.__exit__(*trouble)


REMOTE_RIGS: Final[dict[str, Callable[[Mapping[str, bytes]], Any]]] = {"web": WebRig}
