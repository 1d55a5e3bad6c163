"""`model.safetensors.index.json`: which shard holds which tensor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rowscope.inspector.errors import MalformedFileError, UnsafeShardError
from rowscope.inspector.frozen import ReadOnly, record
from rowscope.inspector.header import kind, quote
from rowscope.inspector.storage import File, read_json

INDEX_LIMIT = 128 << 20
_DRIVE = re.compile(r"[A-Za-z]:")


@record
class ShardIndex:
    """A sharded checkpoint's table of contents.

    Attributes:
        file: the index file.
        weight_map: tensor name -> shard name, relative to the index's folder.
        total_size: bytes of all tensors as the index states them, or None.
        metadata: the index's own `metadata` object.
    """

    file: File
    weight_map: Mapping[str, str]
    total_size: int | None
    metadata: Mapping[str, Any]

    @property
    def shard_names(self) -> tuple[str, ...]:
        """Every shard that the index names, sorted."""
        return tuple(sorted(set(self.weight_map.values())))


def read_index(file: File) -> ShardIndex:
    """Read an index and refuse shard names that leave its folder.

    The name alone is judged: in the Hugging Face cache every file is a link to `../../blobs/…`.

    Raises:
        UnreadableError: no readable regular file.
        MalformedFileError: not JSON, or not of an index's shape.
        UnsafeShardError: a shard name is absolute, climbs with `..`, or is no portable name.
    """
    tree = read_json(file, INDEX_LIMIT)
    if not isinstance(tree, dict):
        raise _malformed(file, f"the index is {kind(tree)}, not an object")
    weight_map = tree.get("weight_map")
    if not isinstance(weight_map, dict):
        found = kind(weight_map) if "weight_map" in tree else "missing"
        raise _malformed(file, f"weight_map is {found}, not an object")
    if not weight_map:
        raise _malformed(file, "weight_map names no tensor")
    for name, shard in weight_map.items():
        if not isinstance(shard, str):
            raise _malformed(file, f"weight_map entry {quote(name)} is {kind(shard)}, not a string")
    for shard in sorted(set(weight_map.values())):
        _refuse_unsafe(file, shard)
    metadata = tree.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return ShardIndex(file, ReadOnly(weight_map), _total_size(metadata), ReadOnly(metadata))


def _total_size(metadata: Mapping[str, Any]) -> int | None:
    value = metadata.get("total_size")
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # some tools write 13476831232.0
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _refuse_unsafe(file: File, shard: str) -> None:
    if not shard:
        why = "is empty"
    elif shard.startswith("/") or _DRIVE.match(shard):
        why = "is absolute"
    elif ".." in shard.split("/"):
        why = "climbs out of the checkpoint's folder"
    elif "\\" in shard:
        why = "holds a backslash, which is a folder separator on Windows"
    elif not shard.isprintable():
        why = "holds control characters"
    else:
        return
    raise UnsafeShardError(
        f"{file.location!r}: the shard name {quote(shard)} {why}; correct weight_map to plain file names "
        "beside the index, and do not trust the source of this checkpoint",
        location=file.location,
    )


def _malformed(file: File, fault: str) -> MalformedFileError:
    return MalformedFileError(
        f"{file.location!r}: {fault}; download the index again, or remove it to open the shards themselves",
        location=file.location,
    )
