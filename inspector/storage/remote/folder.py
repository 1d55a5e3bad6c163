"""A remote folder, by the place that holds it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.storage.http.refusals import MISSING
from rowscope.inspector.storage.interface import Kind, UnreadableError
from rowscope.inspector.storage.remote.file import RemoteFile
from rowscope.inspector.storage.remote.session import Session
from rowscope.inspector.storage.traffic import Traffic


class RemoteFolder:
    """A folder of a remote place: a `Folder`.

    Args:
        session: the place.
        below: where in it, `/` between the parts; nothing for the place itself.
    """

    def __init__(self, session: Session, below: str = "") -> None:
        self._session = session
        self._below = below

    @property
    def location(self) -> str:
        return self._session.spell(self._below)

    @property
    def traffic(self) -> Traffic:
        return self._session.place.traffic

    def spell(self, name: str) -> str:
        return self._session.spell(self._at(name))

    def names(self, below: str = "") -> tuple[str, ...]:
        found = self._session.listing(self._at(below))
        if found is None:
            raise UnreadableError(
                f"cannot list {self.spell(below)!r}: {MISSING}; check the address",
                why=MISSING,
                location=self.spell(below),
            )
        return tuple(sorted(found))

    def kind(self, name: str) -> Kind | None:
        if not name or not name.isprintable():
            return None if name else "folder"
        folder, base = posixpath.split(self._at(name))
        listed = (self._session.listing(folder) or {}).get(base)
        if listed is not None or not self._session.place.flat:
            return listed
        try:
            self._session.download(self._at(name))
        except UnreadableError:
            return None
        return "file"

    def below(self, name: str) -> RemoteFolder:
        return RemoteFolder(self._session, self._at(name))

    def above(self) -> tuple[RemoteFolder, str] | None:
        if not self._below or self._session.place.flat:
            return None
        folder, base = posixpath.split(self._below)
        return RemoteFolder(self._session, folder), base

    def link(self, name: str) -> None:
        return None

    def has(self, name: str) -> bool:
        return self.kind(name) is not None

    def head(self, name: str, start: int, stop: int) -> tuple[bytes, int]:
        return self._session.read(self._at(name), start, stop)

    def expect(self, heads: Mapping[str, int]) -> None:
        self._session.expect({self._at(name): stop for name, stop in heads.items()})

    def open(self, name: str) -> RemoteFile:
        return RemoteFile(self._session.download(self._at(name)))

    def local(self, name: str = "") -> Path:
        raise RefusedError(
            f"{self.spell(name)!r} is not on the local disk, where this needs its files: "
            f"{self._session.place.advice}, and give its folder",
            location=self.spell(name),
        )

    def _at(self, name: str) -> str:
        return posixpath.join(self._below, name) if name else self._below
