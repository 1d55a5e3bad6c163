"""Models on the Hugging Face hub: one commit, its list of files, ranges through its `resolve` addresses."""

from __future__ import annotations

import json
import posixpath
import re
import threading
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import SplitResult, quote, urlsplit

from rowscope.inspector.errors import RemoteError
from rowscope.inspector.frozen import record
from rowscope.inspector.storage.http.answers import Known
from rowscope.inspector.storage.http.ranged import Deliver, Target
from rowscope.inspector.storage.http.refusals import MISSING, Advice
from rowscope.inspector.storage.interface import UnreadableError
from rowscope.inspector.storage.remote.hub_address import HubAddress
from rowscope.inspector.storage.remote.hub_cache import HubCache, digest_of
from rowscope.inspector.storage.remote.hub_environment import endpoint, require_online, token
from rowscope.inspector.storage.remote.options import RemoteOptions
from rowscope.inspector.storage.remote.place import Entry, Probe
from rowscope.inspector.storage.remote.web import HttpPlace

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_MOST_LISTED: Final = 64 << 20  # bytes of the list of files; a thousand shards have a quarter megabyte


@record
class Listed:
    """A file as the hub lists it: size in bytes and digest, where it says them (sha256, or git's sha1)."""

    size: int | None
    digest: str


class HubPlace(HttpPlace):
    """A model repository at the commit that its revision stood for when it was first asked for.

    Raises:
        RemoteError: HF_HUB_OFFLINE forbids it.
    """

    flat = False

    def __init__(self, address: HubAddress, options: RemoteOptions) -> None:
        require_online(address.spelled)
        known = token()
        secret = {"Authorization": f"Bearer {known}"} if known else {}
        self._repository, self._revision = address.repository, address.revision
        self._page = f"{endpoint()}/{self._repository}"
        self.next_steps = _advice(self._page, signed=known is not None)
        super().__init__(address.spelled, secret, options)
        chosen = "" if self._revision == "main" else f" --revision {self._revision}"
        self.advice = f"download it with 'hf download {self._repository}{chosen} --local-dir DIR'"
        self._listing_lock = threading.Lock()
        self._found: tuple[str, Mapping[str, Listed]] | None = None

    @property
    def known(self) -> Mapping[str, Probe]:
        return {}

    @property
    def commit(self) -> str:
        """The commit that every request is for."""
        return self._files()[0]

    def listing(self, below: str) -> Mapping[str, Literal["file", "folder"]] | None:
        start = f"{below}/" if below else ""
        inside = [name[len(start) :] for name in self._files()[1] if name.startswith(start)]
        return {name.split("/")[0]: "folder" if "/" in name else "file" for name in inside} or None

    def entry(self, name: str) -> Entry:
        commit, files = self._files()
        listed = files.get(name)
        if listed is None:
            location = f"{self.location}/{name}"
            raise UnreadableError(
                f"cannot read {location!r}: {MISSING}; {self._page}/tree/{commit} lists all files",
                why=MISSING,
                location=location,
            )
        if listed.size is None:
            found = self.probe(name)
            return Entry(name, found.size, f"{commit}:{listed.digest}")
        return Entry(name, listed.size, f"{commit}:{listed.digest}")

    def address(self, name: str) -> SplitResult:
        return urlsplit(f"{self._page}/resolve/{self.commit}/{quote(name)}")

    def fetch(self, entry: Entry, start: int, stop: int, deliver: Deliver) -> None:
        super().fetch(entry, start, stop, deliver)
        said = self.target(entry.name).said.get("X-Repo-Commit")
        if said is not None and said != self.commit:
            raise RemoteError(
                f"{self.location}/{entry.name}: the hub answers with commit {said[:40]!r}, not with "
                f"{self.commit}; run again",
                location=f"{self.location}/{entry.name}",
            )

    def at_hand(self, entry: Entry) -> bytes | None:
        began = super().at_hand(entry)
        return self._cache().blob(self._digest(entry), entry.size) if began is None else began

    def whole(self, entry: Entry, data: bytes) -> None:
        """Check a file against the digest that the hub lists, and keep it where the hub's library would."""
        stated = self._digest(entry)
        found = digest_of(data, stated)
        if found != stated:
            raise RemoteError(
                f"{self.location}/{entry.name}: the content has the digest {found}, the hub lists {stated}; "
                "something in between changed it: try another network or mirror",
                location=f"{self.location}/{entry.name}",
            )
        if not entry.name.endswith(".safetensors"):
            self._cache().keep(self.commit, entry.name, stated, data)

    def _digest(self, entry: Entry) -> str:
        return entry.identity.partition(":")[2]

    def _cache(self) -> HubCache:
        return HubCache(self._repository, self._revision)

    def _files(self) -> tuple[str, Mapping[str, Listed]]:
        """The commit and its files, asked for once."""
        with self._listing_lock:
            if self._found is None:
                self._found = self._ask()
            return self._found

    def _ask(self) -> tuple[str, Mapping[str, Listed]]:
        revision = quote(self._revision, safe="")
        address = f"{endpoint()}/api/models/{self._repository}/revision/{revision}?blobs=true"
        target = Target(Known(self.location), urlsplit(address), self._secret, self.next_steps)
        raw = self.getter.document(target, _MOST_LISTED)
        self.traffic.receive(len(raw), self.location)
        try:
            answer = json.loads(raw)
            commit = answer["sha"]
            files = dict(_listed(answer["siblings"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self._no_listing(raw) from error
        asked = self._revision if _COMMIT.fullmatch(self._revision) else commit
        if not isinstance(commit, str) or not _COMMIT.fullmatch(commit) or commit != asked:
            raise self._no_listing(raw)
        return commit, files

    def _no_listing(self, raw: bytes) -> RemoteError:
        return RemoteError(
            f"{self.location!r}: the hub at {endpoint()} does not list the files of a commit but says "
            f"{raw[:120]!r}; check HF_ENDPOINT",
            location=self.location,
        )


def _listed(siblings: Any) -> list[tuple[str, Listed]]:  # noqa: ANN401 - a JSON value
    """Names and what is said of them; a name that leaves the repository is none of its files."""
    found = []
    for item in siblings:
        name, size, large = item["rfilename"], item.get("size"), item.get("lfs") or {}
        plain = posixpath.normpath(name) == name and not name.startswith(("/", "..")) and "\\" not in name
        if not plain or not name.isprintable():
            continue
        digest = large.get("sha256") or item.get("blobId") or ""
        known = isinstance(size, int) and not isinstance(size, bool) and size >= 0
        found.append((name, Listed(size if known else None, str(digest))))
    return found


def _advice(page: str, *, signed: bool) -> Advice:
    log_in = "run 'hf auth login' or set HF_TOKEN"
    missing = f"check the name and the revision at {page}"
    if signed:
        unknown = f"the token is not valid, or there is no such model: check {page}, then {log_in} anew"
    else:
        unknown = f"it is private, gated, or does not exist: check {page}, then {log_in}"
    denied = (
        f"accept the conditions at {page} with the account of your token, and let the token read gated models"
        if signed
        else f"accept the conditions at {page}, then {log_in}"
    )
    return Advice(unknown, denied, missing)
