"""Index against shards, both ways: disagreements that leave every indexed tensor readable (FIL002)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rowscope.inspector.index import ShardIndex
from rowscope.inspector.source import Shard

_CODE = "FIL002"
_MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class Problem:
    """A disagreement within a checkpoint that does not stop its audit.

    Attributes:
        code: the finding code.
        message: one sentence that ends in the next step.
        location: the file that it is about.
        evidence: the numbers and names behind it, JSON ready; `evidence["kind"]` tells the cases apart.
    """

    code: str
    message: str
    location: str
    evidence: Mapping[str, Any]


def check_index(index: ShardIndex, shards: Sequence[Shard]) -> Iterator[Problem]:
    """What the shards hold and the index does not say; the reverse is an error when opening."""
    unindexed = {
        info.name: shard.name
        for shard in shards
        for info in shard.header.tensors
        if info.name not in index.weight_map
    }
    if unindexed:
        first, shard_name = next(iter(unindexed.items()))
        yield Problem(
            _CODE,
            f"{_count(unindexed, 'tensor')} of the shards {_are(unindexed)} not in the index, "
            f"first {first!r} of {shard_name!r}; write the index anew",
            str(index.path),
            {"kind": "unindexed_tensors", "count": len(unindexed), "tensors": list(unindexed)[:_MOST_NAMES]},
        )
    stored = {
        (shard.name, info.name): info.stop - info.start for shard in shards for info in shard.header.tensors
    }
    indexed = sum(stored.get((shard, name), 0) for name, shard in index.weight_map.items())
    if index.total_size is not None and index.total_size not in (indexed, sum(stored.values())):
        yield Problem(
            _CODE,
            f"the index states total_size {index.total_size}, its tensors have {indexed} bytes "
            f"({index.total_size - indexed:+d}); write the index anew",
            str(index.path),
            {"kind": "total_size", "stated": index.total_size, "actual": indexed},
        )


def unread_files(names: Sequence[str], index: ShardIndex) -> Iterator[Problem]:
    """Weights files beside the index that it does not name."""
    if names:
        yield Problem(
            _CODE,
            f"{_count(names, 'weights file')} beside the index {_are(names)} not named by it, "
            f"first {names[0]!r}; remove what is out of date or write the index anew",
            str(index.path),
            {"kind": "extra_files", "count": len(names), "files": list(names)[:_MOST_NAMES]},
        )


def repeated_tensors(repeated: Mapping[str, Sequence[str]], root: Path) -> Iterator[Problem]:
    """Tensors stored in more than one shard: loaders may differ in which they take."""
    if repeated:
        first, shards = next(iter(repeated.items()))
        yield Problem(
            _CODE,
            f"{_count(repeated, 'tensor')} {_are(repeated)} stored more than once, "
            f"first {first!r} in {', '.join(repr(name) for name in shards)}; keep one copy",
            str(root),
            {
                "kind": "repeated_tensors",
                "count": len(repeated),
                "tensors": {name: list(shards) for name, shards in list(repeated.items())[:_MOST_NAMES]},
            },
        )


def _count(items: Sequence[str] | Mapping[str, Any], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def _are(items: Sequence[str] | Mapping[str, Any]) -> str:
    return "is" if len(items) == 1 else "are"
