"""The undo manifest of an in-place claim: everything that is needed to put the old bytes back."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import rowscope
from rowscope.inspector.claim.model import ClaimPlan
from rowscope.inspector.errors import CheckpointError, RefusedError
from rowscope.inspector.storage import local_file, read_json

UNDO: Final = ".rowscope-undo"
MANIFEST: Final = "manifest.json"
COMPLETE: Final = "COMPLETE"

_VERSION: Final = 1
_LIMIT: Final = 1 << 30
_PIECE: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A tokenizer file: `kept` is its old content and `new` its new one, relative to the manifest's folder.

    `kept` and `sha256_before` are None for a file that the claim created.
    """

    name: str
    kept: str | None
    new: str
    sha256_before: str | None
    sha256_after: str
    mode: int | None


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes of a weights file from `offset` on, before and after."""

    offset: int
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class KeptShard:
    """A weights file: its size, and the hash of the whole file before the claim."""

    name: str
    size: int
    sha256_before: str
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
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
            "files": [{name: getattr(file, name) for name in KeptFile.__slots__} for file in self.files],
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


def manifest_of(plan: ClaimPlan) -> Manifest:
    """The manifest of a plan; reads every weights file that it changes once, for its hash."""
    files = []
    for place, edit in enumerate(plan.files):
        path = plan.root / edit.name
        files.append(
            KeptFile(
                name=edit.name,
                kept=None if edit.before is None else f"old-{place}",
                new=f"new-{place}",
                sha256_before=None if edit.before is None else hashlib.sha256(edit.before).hexdigest(),
                sha256_after=edit.sha256_after,
                mode=None if edit.before is None else path.stat().st_mode & 0o777,
            )
        )
    shards = []
    for name in plan.shards:
        regions = tuple(Region(p.offset, p.before, p.after) for p in plan.rows if p.file == name)
        size = (plan.root / name).stat().st_size
        shards.append(KeptShard(name, size, hash_with_old_rows(plan.root / name, regions), regions))
    tokens = tuple((claim.token, claim.id) for claim in plan.claimed)
    return Manifest(tokens, tuple(files), tuple(shards))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an undo folder.

    Raises:
        RefusedError: it cannot be read, or names a file outside the checkpoint's folder.
    """
    path = folder / MANIFEST
    try:
        document = read_json(local_file(path), _LIMIT)
        if document["rowscope_undo"] != _VERSION:
            raise ValueError(f"version {document['rowscope_undo']!r} is not {_VERSION}")
        manifest = Manifest(
            tokens=tuple((str(entry["token"]), int(entry["id"])) for entry in document["tokens"]),
            files=tuple(_kept_file(entry) for entry in document["files"]),
            shards=tuple(_kept_shard(entry) for entry in document["shards"]),
        )
    except (CheckpointError, KeyError, TypeError, ValueError) as error:
        raise RefusedError(
            f"{str(path)!r} is no undo manifest that can be read ({error}); restore the checkpoint from "
            "its source",
            location=str(path),
        ) from error
    return manifest


def _kept_file(entry: dict[str, Any]) -> KeptFile:
    for key in ("name", "new"):
        _require_inside(entry[key])
    if entry["kept"] is not None:
        _require_inside(entry["kept"])
    if entry["mode"] is not None and (type(entry["mode"]) is not int or entry["mode"] & ~0o777):
        raise ValueError(
            f"the permissions {entry['mode']!r} of {entry['name']!r} are none that a claim keeps"
        )
    return KeptFile(**{name: entry[name] for name in KeptFile.__slots__})


def _kept_shard(entry: dict[str, Any]) -> KeptShard:
    _require_inside(entry["name"])
    regions = tuple(
        Region(int(r["offset"]), bytes.fromhex(r["before"]), bytes.fromhex(r["after"]))
        for r in entry["regions"]
    )
    for region in regions:
        if not 0 <= region.offset <= entry["size"] - len(region.before):
            raise ValueError(f"bytes at {region.offset} lie outside {entry['name']!r}")
        if len(region.before) != len(region.after):
            raise ValueError(f"old and new bytes at {region.offset} differ in number")
    return KeptShard(entry["name"], entry["size"], entry["sha256_before"], regions)


def _require_inside(name: str) -> None:
    """A manifest may come with a downloaded checkpoint: it must not reach beyond its folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name or "\0" in name:
        raise ValueError(f"the file name {name!r} leaves the checkpoint's folder")


def hash_with_old_rows(path: Path, regions: Sequence[Region]) -> str:
    """SHA-256 of a weights file in which the regions hold their old bytes, whatever they hold now."""
    digest = hashlib.sha256()
    file = os.open(path, os.O_RDONLY)
    try:
        at = 0
        for region in sorted(regions, key=lambda region: region.offset):
            _feed(digest, file, at, region.offset)
            digest.update(region.before)
            at = region.offset + len(region.before)
        _feed(digest, file, at, os.fstat(file).st_size)
    finally:
        os.close(file)
    return digest.hexdigest()


def _feed(digest: Any, file: int, start: int, stop: int) -> None:  # noqa: ANN401 - hashlib's private class
    while start < stop:
        piece = os.pread(file, min(_PIECE, stop - start), start)
        if not piece:
            return
        digest.update(piece)
        start += len(piece)
