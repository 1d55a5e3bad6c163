"""Index against shards, both ways: disagreements that leave the rest readable (FIL002)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from rowscope.inspector.checkpoint.index import ShardIndex
from rowscope.inspector.checkpoint.problem import Problem
from rowscope.inspector.header import Shard
from rowscope.inspector.storage import Folder
from rowscope.inspector.text import joined, say

_CODE = "FIL002"
_MOST_NAMES = 10_000
_REINDEX = say("write the index anew with save_pretrained")
_NUMBERS = re.compile(r"(?<=\.)\d+(?=\.)")


def missing_files(folder: Folder, names: Sequence[str]) -> list[str]:
    """Those of `names` that are not in the folder, dangling links among them.

    Raises:
        UnreadableError: the place does not let us look.
    """
    return [name for name in names if folder.kind(name) is None]


def misplaced_tensors(
    index: ShardIndex, where: Mapping[str, Sequence[str]]
) -> list[tuple[str, Sequence[str]]]:
    """Indexed tensors that are not in the shard that the index names, and the shards that hold them.

    Args:
        where: tensor name -> names of the shards that hold it.
    """
    return [
        (name, where.get(name, ()))
        for name, shard in index.weight_map.items()
        if shard not in where.get(name, ())
    ]


def absent_tensors(index: ShardIndex, where: Mapping[str, Sequence[str]]) -> list[str]:
    """Indexed tensors that no shard holds, in the order of the index."""
    return [name for name in index.weight_map if name not in where]


def check_places(index: ShardIndex, where: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """Indexed tensors that stand elsewhere or nowhere.

    Loaders read whole shards, so that one in another shard is found. One that is nowhere is an error only
    where the model surely has it: where the same module of another number is stored. Index entries of parts
    that no loader builds, and of tied heads, are common.
    """
    absent = absent_tensors(index, where)
    stored = {_NUMBERS.sub("#", name) for name in where}
    needed = [name for name in absent if "#" in _NUMBERS.sub("#", name) and _NUMBERS.sub("#", name) in stored]
    if absent:
        first = (needed or absent)[0]
        yield Problem(
            _CODE,
            say(
                "the index names {count:# tensor|# tensors} that no shard holds, first {first!r} (expected "
                "in {shard!r})",
                count=len(absent),
                first=first,
                shard=index.weight_map[first],
            ),
            index.file.location,
            {"kind": "absent_tensors", "count": len(absent), "tensors": absent[:_MOST_NAMES]},
            say("loaders start at random what the model has of them: download that shard again")
            if needed
            else say(
                "loaders start at random what the model has of them; if it has none of them, {step}",
                step=_REINDEX,
            ),
            severity="error" if needed else "warning",
        )
    misplaced = [(name, holders) for name, holders in misplaced_tensors(index, where) if holders]
    if misplaced:
        first, holders = misplaced[0]
        yield Problem(
            _CODE,
            say(
                "the index places {count:# tensor|# tensors} in another shard than the one that holds it, "
                "first {first!r} in {shard!r}; it is in {holders}",
                count=len(misplaced),
                first=first,
                shard=index.weight_map[first],
                holders=joined(", ", map(repr, holders)),
            ),
            index.file.location,
            {
                "kind": "misplaced_tensors",
                "count": len(misplaced),
                "tensors": [name for name, _ in misplaced[:_MOST_NAMES]],
            },
            _REINDEX,
        )


def check_index(index: ShardIndex, shards: Sequence[Shard]) -> Iterator[Problem]:
    """What the shards hold and the index does not say."""
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
            say(
                "{count:# tensor|# tensors} of the shards {count:is|are} not in the index, first {first!r} "
                "of {shard!r}",
                count=len(unindexed),
                first=first,
                shard=shard_name,
            ),
            index.file.location,
            {"kind": "unindexed_tensors", "count": len(unindexed), "tensors": list(unindexed)[:_MOST_NAMES]},
            _REINDEX,
        )
    stored = {
        (shard.name, info.name): info.stop - info.start for shard in shards for info in shard.header.tensors
    }
    indexed = sum(stored.get((shard, name), 0) for name, shard in index.weight_map.items())
    if index.total_size is not None and index.total_size not in (indexed, sum(stored.values())):
        yield Problem(
            _CODE,
            say(
                "the index states total_size {stated}, its tensors have {actual} bytes ({difference:+,})",
                stated=index.total_size,
                actual=indexed,
                difference=index.total_size - indexed,
            ),
            index.file.location,
            {"kind": "total_size", "stated": index.total_size, "actual": indexed},
            _REINDEX,
        )


def unread_files(names: Sequence[str], index: ShardIndex) -> Iterator[Problem]:
    """Weights files beside the index that it does not name."""
    if names:
        yield Problem(
            _CODE,
            say(
                "{count:# weights file|# weights files} beside the index {count:is|are} not named by it, "
                "first {first!r}",
                count=len(names),
                first=names[0],
            ),
            index.file.location,
            {"kind": "extra_files", "count": len(names), "files": list(names)[:_MOST_NAMES]},
            say("remove the file if it is out of date, else {step}", step=_REINDEX),
        )


def tensor_places(shards: Sequence[Shard]) -> dict[str, list[str]]:
    """Tensor name -> names of the shards that hold it, in their order."""
    where: dict[str, list[str]] = {}
    for shard in shards:
        for info in shard.header.tensors:
            where.setdefault(info.name, []).append(shard.name)
    return where


def repeated_tensors(where: Mapping[str, Sequence[str]], folder: Folder) -> Iterator[Problem]:
    """Tensors stored in more than one shard: loaders may differ in which they take."""
    repeated = {name: shards for name, shards in where.items() if len(shards) > 1}
    if repeated:
        first, shards = next(iter(repeated.items()))
        yield Problem(
            _CODE,
            say(
                "{count:# tensor|# tensors} {count:is|are} stored more than once, first {first!r} in "
                "{shards}",
                count=len(repeated),
                first=first,
                shards=joined(", ", map(repr, shards)),
            ),
            folder.location,
            {
                "kind": "repeated_tensors",
                "count": len(repeated),
                "tensors": {name: list(shards) for name, shards in list(repeated.items())[:_MOST_NAMES]},
            },
            say("keep one copy: loaders differ in which they take"),
        )
