"""Rigs of the remote backends for the suite that every backend passes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

import pytest

from rowscope.inspector.storage import Patience, Probe, RemoteOptions
from rowscope.inspector.storage.interface import Folder
from rowscope.inspector.storage.remote.opening import open_remote

from ..remote_bucket import Bucket
from ..remote_hub import NAME, Hub
from ..remote_server import Handler, Server

QUICK: Final = RemoteOptions(patience=Patience(timeout=10, attempts=3, pause=0.01))


def forbidden(handler: Handler) -> bool:
    """The fault of a file that may not be read."""
    handler.answer(403, b"")
    return True


class WebRig:
    """Plain HTTP. Each `folder` looks anew."""

    snapshot = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._known = dict.fromkeys([*files, "another.json"], Probe(1))
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


class HubRig:
    """The hub, small and large files; a change is one that the hub must not make, within a commit."""

    snapshot = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.hub = Hub(files)
        self._patch = pytest.MonkeyPatch()

    @property
    def folder(self) -> Folder:
        return open_remote(f"hf://{NAME}", {}, QUICK)

    def write(self, name: str, data: bytes) -> None:
        self.hub.files[name] = data

    def forbid(self, name: str) -> None:
        self.hub.hub.faults[f"/{NAME}/resolve/{self.hub.commit}/{name}"] = forbidden

    def __enter__(self) -> Self:
        self.hub.__enter__()
        self._cache = tempfile.TemporaryDirectory()
        for variable, value in {**self.hub.environment, "HF_HUB_CACHE": self._cache.name}.items():
            self._patch.setenv(variable, value)
        return self

    def __exit__(self, *trouble: object) -> None:
        self.hub.__exit__(*trouble)
        self._patch.undo()
        self._cache.cleanup()


class StoreRig:
    """A bucket of moto's S3 server. Each `folder` looks anew."""

    snapshot = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.bucket = Bucket(files)

    @property
    def folder(self) -> Folder:
        return open_remote(self.bucket.url, {}, QUICK)

    def write(self, name: str, data: bytes) -> None:
        self.bucket.put(name, data)

    def forbid(self, name: str) -> None:
        pytest.skip("moto does not check who may read")

    def __enter__(self) -> Self:
        self.bucket.__enter__()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.bucket.__exit__(*trouble)


REMOTE_RIGS: Final[dict[str, Callable[[Mapping[str, bytes]], Any]]] = {
    "web": WebRig,
    "hub": HubRig,
    "store": StoreRig,
}
