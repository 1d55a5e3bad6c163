"""Object stores, through obstore: Amazon S3 and what speaks like it, Google Cloud Storage, Azure."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from rowscope.inspector.errors import CheckpointError, MalformedFileError, MissingExtraError, RowscopeError
from rowscope.inspector.storage.http.patience import Passing, Waiting
from rowscope.inspector.storage.http.refusals import DENIED, MISSING
from rowscope.inspector.storage.interface import UnreadableError
from rowscope.inspector.storage.pace import Pace
from rowscope.inspector.storage.remote.options import RemoteOptions
from rowscope.inspector.storage.remote.place import Deliver, Entry, Probe
from rowscope.inspector.storage.traffic import Traffic

COPIES: Final = {
    "s3": "download it with 'aws s3 cp --recursive {url} DIR'",
    "gs": "download it with 'gcloud storage cp -r {url} DIR'",
    "az": "download it with azcopy",
}
"""Schemes, and how a folder comes to the local disk."""

_STEPS: Final = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION), or AWS_SKIP_SIGNATURE=true for "
    "a public bucket",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS or run 'gcloud auth application-default login', or "
    "GOOGLE_SKIP_SIGNATURE=true for a public bucket",
    "az": "give az://CONTAINER/PATH and set AZURE_STORAGE_ACCOUNT_NAME, with AZURE_STORAGE_ACCOUNT_KEY, "
    "AZURE_STORAGE_SAS_KEY, or AZURE_SKIP_SIGNATURE=true for a public container",
}
_QUERY: Final = re.compile(r"\?[^\s\"')]+")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_PIECE: Final = 256 << 10


class ObjectPlace:
    """A prefix of a bucket. Keys, regions and endpoints come from the environment, as obstore reads it.

    Raises:
        MissingExtraError: obstore is not installed (extra `remote`).
        CheckpointError: not an address of such a store.
    """

    flat = False
    known: Mapping[str, Probe] = MappingProxyType({})

    def __init__(self, url: str, options: RemoteOptions) -> None:
        try:
            import obstore
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        except ImportError as error:
            raise MissingExtraError("obstore", "remote", f"{url.partition('?')[0]!r}") from error
        self.location = url.rstrip("/")
        self.options = options
        self.traffic = Traffic(options.max_download)
        self.pace = Pace()
        self._scheme = url.partition("://")[0]
        self.advice = COPIES[self._scheme].format(url=self.location)
        self._library: Any = obstore
        self._listings: dict[str, Mapping[str, Entry | None]] = {}
        patience = options.patience
        try:
            self._store = from_url(
                self.location,
                client_options={
                    "allow_http": _open_allowed(),
                    "connect_timeout": f"{int(1000 * patience.timeout)}ms",
                    "timeout": f"{int(8000 * patience.timeout)}ms",
                },
                # What is tried again is counted, and goes on where it broke: not in there.
                retry_config={"max_retries": 0},
            )
        except (BaseError, ValueError) as error:
            raise CheckpointError(
                f"{self.location!r} cannot be opened: {_first_line(error)}; {_STEPS[self._scheme]}",
                location=self.location,
            ) from error

    def listing(self, below: str) -> Mapping[str, Literal["file", "folder"]] | None:
        found = self._list(below)
        return {name: "folder" if entry is None else "file" for name, entry in found.items()} or None

    def entry(self, name: str) -> Entry:
        folder, base = posixpath.split(name)
        entry = self._list(folder).get(base)
        if entry is None:
            raise UnreadableError(
                f"cannot read {self._spell(name)!r}: {MISSING}; check the address",
                why=MISSING,
                location=self._spell(name),
            )
        return entry

    def fetch(self, entry: Entry, start: int, stop: int, deliver: Deliver) -> None:
        at = start
        waiting = Waiting(self.options.patience, self._spell(entry.name))
        while at < stop:
            before = at
            try:
                for data in self._pieces(entry, at, stop):
                    deliver(at, data)
                    at += len(data)
                if at < stop:
                    raise Passing(f"the body ended after {at - before} of {stop - before} bytes")
            except Passing as fault:
                waiting.wait(fault, at > before)

    def _pieces(self, entry: Entry, start: int, stop: int) -> Any:  # noqa: ANN401 - memoryviews, as they come
        from obstore.exceptions import BaseError

        etag = entry.identity.partition(" ")[0]
        options = {"range": (start, stop), **({"if_match": etag} if etag else {})}
        self.traffic.request()
        try:
            with self.pace.body() as measured:
                result = self._library.get(self._store, entry.name, options=options)
                if result.meta["size"] != entry.size or tuple(result.range) != (start, stop):
                    raise self._changed(entry, f"has {result.meta['size']} bytes, it had {entry.size}")
                for piece in result.stream(min_chunk_size=_PIECE):
                    yield memoryview(piece).cast("B")[: stop - start]
                measured(stop - start)
        except BaseError as error:
            raise self._fault(entry.name, error, entry) from error

    def at_hand(self, entry: Entry) -> bytes | None:
        return None

    def whole(self, entry: Entry, data: bytes) -> None:
        """Nothing is kept."""

    def stop(self) -> None:
        """Requests end with the process."""

    def _list(self, below: str) -> Mapping[str, Entry | None]:
        """What a folder holds: files with their entries, folders without one."""
        found = self._listings.get(below)
        if found is None:
            waiting = Waiting(self.options.patience, self._spell(below))
            while found is None:
                try:
                    found = self._listings[below] = self._ask(below)
                except Passing as fault:
                    waiting.wait(fault, False)
        return found

    def _ask(self, below: str) -> Mapping[str, Entry | None]:
        from obstore.exceptions import BaseError

        self.traffic.request()
        try:
            answer = self._library.list_with_delimiter(self._store, below or None)
        except BaseError as error:
            raise self._fault(below, error, None) from error
        found: dict[str, Entry | None] = {
            posixpath.basename(path): None for path in answer["common_prefixes"]
        }
        for item in answer["objects"]:
            name, size = item["path"], int(item["size"])
            identity = f"{item['e_tag'] or ''} {item['last_modified'].isoformat()}"
            found[posixpath.basename(name)] = Entry(name, size, identity)
        return found

    def _fault(self, name: str, error: Exception, entry: Entry | None) -> Exception:
        from obstore import exceptions

        if isinstance(error, exceptions.PreconditionError) and entry is not None:
            return self._changed(entry, "has another entity tag")
        stated = _STATUS.search(str(error))  # errors of a listing have no class of their own
        status = stated[1] if stated else ""
        if isinstance(error, (exceptions.NotFoundError, FileNotFoundError)) or status == "404":
            why, step = MISSING, "check the bucket and the path"
        elif isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)) or (
            status in ("401", "403")
        ):
            why, step = DENIED, _STEPS[self._scheme]
        else:
            return Passing(_first_line(error))
        location = self._spell(name)
        return UnreadableError(f"cannot read {location!r}: {why}; {step}", why=why, location=location)

    def _changed(self, entry: Entry, how: str) -> RowscopeError:
        location = self._spell(entry.name)
        return MalformedFileError(
            f"{location!r} changed while it was read: it {how}; wait until it is written completely and run "
            "again",
            location=location,
        )

    def _spell(self, name: str) -> str:
        return f"{self.location}/{name}" if name else self.location


def _open_allowed() -> bool:
    """Whether the environment lets a store be spoken to without TLS: options of ours would hide that."""
    variables = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP")
    return any(os.environ.get(variable, "").lower() in ("1", "true") for variable in variables)


def _first_line(error: Exception) -> str:
    """What a store's library says, without its debugging aids, and without the signature of an address."""
    words = (str(error).strip() or type(error).__name__).splitlines()[0]
    return _QUERY.sub("?…", words)[:300].rstrip(". ")
