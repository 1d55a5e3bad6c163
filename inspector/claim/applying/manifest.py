"""The undo manifest of an in-place claim: everything that is needed to put the old bytes back."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import rowscope
from rowscope.inspector.claim.disk.inside import Inside
from rowscope.inspector.claim.model import ClaimPlan
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.frozen import fields_of, record
from rowscope.inspector.storage import too_many_values

UNDO: Final = ".rowscope-undo"
MANIFEST: Final = "manifest.json"
COMPLETE: Final = "COMPLETE"

_VERSION: Final = 1
LIMIT: Final = 1 << 30
"""Bytes of a manifest that is read."""

UNKNOWN_LIMIT: Final = 1 << 26
"""Bytes of one that this user's claims did not write."""

_PIECE: Final = 1 << 22


@record
class KeptFile:
    """A tokenizer file: `kept` is its old content and `new` its new one, relative to the manifest's folder.

    `kept` and `sha256_before` are None for a file that the claim created. `mode` is for whoever looks into
    the manifest: an undo keeps the permissions that it finds.
    """

    name: str
    kept: str | None
    new: str
    sha256_before: str | None
    sha256_after: str
    mode: int | None


@record
class Region:
    """Bytes of a weights file from `offset` on, before and after."""

    offset: int
    before: bytes
    after: bytes


@record
class KeptShard:
    """A weights file: its size, and the hash of the whole file before the claim."""

    name: str
    size: int
    sha256_before: str
    regions: tuple[Region, ...]


@record
class Manifest:
    """One in-place claim."""

    tokens: tuple[tuple[str, int], ...]
    files: tuple[KeptFile, ...]
    shards: tuple[KeptShard, ...]

    def encode(self) -> bytes:
        """The manifest as a JSON file."""
        document = {
            "rowscope_undo": _VERSION,
            "rowscope": rowscope.__version__,
            "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "tokens": [{"token": token, "id": id} for token, id in self.tokens],
            "files": [fields_of(file) for file in self.files],
            "shards": [_shard_json(shard) for shard in self.shards],
        }
        return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _shard_json(shard: KeptShard) -> dict[str, Any]:
    regions = [{"offset": r.offset, "before": r.before.hex(), "after": r.after.hex()} for r in shard.regions]
    return {
        "name": shard.name,
        "size": shard.size,
        "sha256_before": shard.sha256_before,
        "regions": regions,
    }


def manifest_of(plan: ClaimPlan, root: Inside) -> Manifest:
    """The manifest of a plan; reads every weights file that it changes once, for its hash."""
    files = []
    for place, edit in enumerate(plan.files):
        status = root.status(edit.name)
        files.append(
            KeptFile(
                name=edit.name,
                kept=None if edit.before is None else f"old-{place}",
                new=f"new-{place}",
                sha256_before=None if edit.before is None else hashlib.sha256(edit.before).hexdigest(),
                sha256_after=edit.sha256_after,
                mode=None if status is None else status.st_mode & 0o777,
            )
        )
    shards = []
    for name in plan.shards:
        regions = tuple(Region(p.offset, p.before, p.after) for p in plan.rows if p.file == name)
        file = root.open(name)
        try:
            size = os.fstat(file).st_size
            shards.append(KeptShard(name, size, hash_with_old_rows(file, regions), regions))
        finally:
            os.close(file)
    tokens = tuple((claim.token, claim.id) for claim in plan.claimed)
    return Manifest(tokens, tuple(files), tuple(shards))


def read_manifest(raw: bytes, path: Path) -> Manifest:
    """A manifest from its bytes; `path` is for messages.

    It may have come with a downloaded checkpoint: names stay in the folder, and nothing else than what a
    claim writes is taken for a manifest. Whether it may be acted on is for `undo` to find out.

    Raises:
        RefusedError: it is none, or names a file outside the checkpoint's folder.
    """
    try:
        if too_many_values(raw):
            raise ValueError("it lists too many values")
        document = json.loads(raw.decode("utf-8"))
        if document["rowscope_undo"] != _VERSION:
            raise ValueError(f"version {document['rowscope_undo']!r} is not {_VERSION}")
        return Manifest(
            tokens=tuple((_text(entry["token"]), _count(entry["id"])) for entry in document["tokens"]),
            files=tuple(_kept_file(entry) for entry in document["files"]),
            shards=tuple(_kept_shard(entry) for entry in document["shards"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise RefusedError(
            f"{str(path)!r} is no undo manifest that can be read ({error}); restore the checkpoint from "
            "its source",
            location=str(path),
        ) from error


def _kept_file(entry: dict[str, Any]) -> KeptFile:
    name, before = _inside(entry["name"]), entry["sha256_before"]
    kept = None if before is None else _own(entry["kept"], "old")
    if before is None and entry["kept"] is not None:
        raise ValueError(f"{name!r} was not there before, and yet has an old copy")
    digest = None if before is None else _text(before)
    return KeptFile(name, kept, _own(entry["new"], "new"), digest, _text(entry["sha256_after"]), None)


def _kept_shard(entry: dict[str, Any]) -> KeptShard:
    name, size = _inside(entry["name"]), _count(entry["size"])
    regions = tuple(
        Region(_count(r["offset"]), bytes.fromhex(r["before"]), bytes.fromhex(r["after"]))
        for r in entry["regions"]
    )
    for region in regions:
        if region.offset > size - len(region.before):
            raise ValueError(f"bytes at {region.offset} lie outside {name!r}")
        if len(region.before) != len(region.after):
            raise ValueError(f"old and new bytes at {region.offset} differ in number")
    return KeptShard(name, size, _text(entry["sha256_before"]), regions)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise TypeError(f"{value!r} is no number of bytes, and no id")
    return value


def _own(value: object, kind: str) -> str:
    """The name of a file beside the manifest."""
    if not re.fullmatch(rf"{kind}-\d{{1,9}}", _text(value)):
        raise ValueError(
            f"the file name {value!r} leaves the checkpoint's folder, or is not one of a manifest"
        )
    return _text(value)


def _inside(value: object) -> str:
    name = _text(value)
    if any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name or "\0" in name:
        raise ValueError(f"the file name {name!r} leaves the checkpoint's folder")
    return name


def hash_with_old_rows(file: int, regions: Sequence[Region]) -> str:
    """SHA-256 of a weights file, by its descriptor, in which the regions hold their old bytes."""
    digest = hashlib.sha256()
    at = 0
    for region in sorted(regions, key=lambda region: region.offset):
        _feed(digest, file, at, region.offset)
        digest.update(region.before)
        at = region.offset + len(region.before)
    _feed(digest, file, at, os.fstat(file).st_size)
    return digest.hexdigest()


def _feed(digest: Any, file: int, start: int, stop: int) -> None:  # noqa: ANN401 - hashlib's private class
    while start < stop:
        piece = os.pread(file, min(_PIECE, stop - start), start)
        if not piece:
            return
        digest.update(piece)
        start += len(piece)
