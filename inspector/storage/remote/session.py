"""One place as one run sees it: what is known of its files stays, so that all reads are of one content."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Literal

from rowscope.inspector.errors import RowscopeError
from rowscope.inspector.storage.http.refusals import MISSING, missing
from rowscope.inspector.storage.interface import UnreadableError
from rowscope.inspector.storage.remote.download import Download
from rowscope.inspector.storage.remote.lanes import Lanes
from rowscope.inspector.storage.remote.place import Entry, Place
from rowscope.inspector.storage.remote.spool import Spool

_SMALL: Final = 64 << 20
_UNTOLD: Final = RowscopeError("not asked")


class Session:
    """Files of a place and how far each was fetched; threads may share it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._lanes = Lanes()
        self._downloads: dict[str, Download] = {}
        self._guards: dict[str, threading.Lock] = {}
        self._absent: dict[str, UnreadableError] = {}
        self._guard = threading.Lock()
        self._probing = threading.Lock()
        self._there: tuple[str, ...] | None = None

    def spell(self, name: str) -> str:
        """How messages spell a file."""
        return f"{self.place.location.rstrip('/')}/{name}" if name else self.place.location

    def listing(self, below: str) -> Mapping[str, Literal["file", "folder"]] | None:
        """Names in a folder and what they are; of a place that cannot be listed, the known names that it has,
        with `needed_only` those that decide something.

        Raises:
            UnreadableError: there is nothing, or it may not be looked at.
            RemoteError: the place does not answer.
        """
        if not self.place.flat:
            return self.place.listing(below)
        with self._probing:
            if self._there is None:
                self._there = self._known_names()
        start = f"{below}/" if below else ""
        inside = [name[len(start) :] for name in self._there if name.startswith(start)]
        return {name.split("/")[0]: "folder" if "/" in name else "file" for name in inside} or None

    def _known_names(self) -> tuple[str, ...]:
        """Those of the known names that the place has: first those are asked for that nothing outranks."""
        known, brief = self.place.known, self.place.options.needed_only
        first = [name for name, probe in known.items() if not (brief and probe.outranked_by)]
        found = self._probe(first)
        found |= self._probe(
            [
                name
                for name, probe in known.items()
                if name not in found and not any(found[other] is None for other in probe.outranked_by)
            ]
        )
        there = tuple(name for name in known if found.get(name, _UNTOLD) is None)
        for error in (found[name] for name in known if name in found):
            # Where others are there, a refusal is how stores without a listing say that there is none.
            if error is not None and not (isinstance(error, UnreadableError) and (there or missing(error))):
                raise error
        if not there:
            raise UnreadableError(
                f"{self.place.location!r} holds none of the files that checkpoints have (config.json, "
                "model.safetensors, model.safetensors.index.json ...); a folder behind plain HTTP cannot be "
                "listed: give its address, or that of a weights file or an index in it",
                why=MISSING,
                location=self.place.location,
            )
        return there

    def _probe(self, names: Sequence[str]) -> dict[str, RowscopeError | None]:
        """What is wrong with each of the names, asked for side by side; None for those that are there."""
        found: dict[str, RowscopeError | None] = {}
        left = threading.Semaphore(0)

        def ask(name: str) -> None:
            try:
                self.download(name)
                found[name] = None
            except RowscopeError as error:
                found[name] = error
            finally:
                left.release()

        self._lanes.short.add([partial(ask, name) for name in names], urgent=True)
        for _ in names:
            left.acquire()
        return found

    def download(self, name: str) -> Download:
        """A file, as it was when it was first asked for.

        Raises:
            UnreadableError: there is none, or it may not be read.
            RemoteError: the place does not answer.
        """
        with self._guard:
            guard = self._guards.setdefault(name, threading.Lock())
        with guard:
            found = self._downloads.get(name)
            if found is None:
                entry = self._entry(name)
                spool = Spool(entry.size, self.spell(name), self._kept(entry))
                found = Download(self.place, entry, self._lanes, spool, self.spell(name))
                began = self.place.at_hand(entry)
                if began:
                    spool.write(0, memoryview(began))
                self._downloads[name] = found
            return found

    def _entry(self, name: str) -> Entry:
        absent = self._absent.get(name)
        if absent is not None:
            raise absent
        try:
            return self.place.entry(name)
        except UnreadableError as error:
            self._absent[name] = error
            raise

    def read(self, name: str, start: int, stop: int) -> tuple[bytes, int]:
        """Bytes of a file, fewer at its end, and its size; raises as `download`."""
        download = self.download(name)
        entry = download.entry
        start, stop = min(start, entry.size), min(stop, entry.size)
        download.wait([(start, stop)])
        data = bytes(download.spool.file.view(start, stop))
        if (start, stop) == (0, entry.size) and entry.size <= _SMALL:
            self.place.whole(entry, data)
        return data, entry.size

    def expect(self, heads: Mapping[str, int]) -> None:
        """Begin to fetch the beginnings of files, where there are such files."""
        self._lanes.short.add([partial(self._begin, *head) for head in heads.items()], urgent=False)

    def _begin(self, name: str, stop: int) -> None:
        with suppress(RowscopeError):  # whoever reads the file meets it again
            download = self.download(name)
            download.want([(0, min(stop, download.entry.size))], urgent=False)

    def _kept(self, entry: Entry) -> Path | None:
        cache = self.place.options.cache
        if cache is None or not entry.identity:
            return None
        key = hashlib.sha256(
            "\n".join((self.place.location, entry.name, str(entry.size), entry.identity)).encode()
        ).hexdigest()
        return cache / f"{key[:32]}.bytes"
