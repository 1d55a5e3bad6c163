"""A checkpoint's headers, index and config, validated against each other. Reads no tensor data."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rowscope.inspector.errors import CheckpointError, IndexMismatchError, MissingShardError
from rowscope.inspector.files import read_json, reason
from rowscope.inspector.header import read_header
from rowscope.inspector.header_rules import kind
from rowscope.inspector.index import ShardIndex
from rowscope.inspector.index_checks import Problem, check_index, repeated_tensors, unread_files
from rowscope.inspector.locate import Location, locate
from rowscope.inspector.matrices import Matrix, MatrixLayout, find_matrices
from rowscope.inspector.source import Shard, TensorRef
from rowscope.inspector.weights import Weights, from_file, from_folder, from_index, listing

CONFIG_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Skip:
    """Something that was not read, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint; no file stays open.

    Attributes:
        path: PATH as it was given.
        root: the folder that holds config and tokenizer files.
        shards: every weights file, in order of its name.
        tensors: every tensor of every shard, by name.
        config: `config.json`; None where it is absent or unusable (`skipped` says which).
        generation_config: `generation_config.json`, or None.
        index: the shard index, or None.
        notes: choices that were made for the user.
        problems: disagreements that do not stop the audit.
        skipped: what was not read, and why.
    """

    path: str
    root: Path
    shards: tuple[Shard, ...]
    tensors: Mapping[str, TensorRef] = field(repr=False)
    config: Mapping[str, Any] | None
    generation_config: Mapping[str, Any] | None
    index: ShardIndex | None = field(repr=False)
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]
    skipped: tuple[Skip, ...]

    @cached_property
    def layout(self) -> MatrixLayout:
        """The vocabulary matrices and how they were found."""
        return find_matrices(self.tensors, self.config)

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        """The vocabulary matrices."""
        return self.layout.matrices

    @property
    def bytes(self) -> int:
        """Size of all weights files together."""
        return sum(shard.header.file_bytes for shard in self.shards)

    @cached_property
    def parameters(self) -> int:
        """Elements of all tensors together, as their shapes count them."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors.values())

    def shard_of(self, tensor: str) -> Shard:
        """The file that holds a tensor.

        Raises:
            CheckpointError: no tensor of that name.
        """
        try:
            return self.tensors[tensor].shard
        except KeyError:
            raise CheckpointError(
                f"{self.path!r} holds no tensor {tensor!r}; 'rowscope inspect' lists all", location=tensor
            ) from None


def open_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Open a checkpoint: headers of all shards, index and config.

    Args:
        path: a folder, a `.safetensors` file, a `.safetensors.index.json`, `org/name` or
            `org/name@revision` in the local Hugging Face cache, or `demo`.

    Raises:
        CheckpointError: nothing there that can be opened.
        MalformedFileError: (FIL001) a file breaks its format.
        IndexMismatchError: (FIL002) the index names a tensor that its shard does not hold.
        MissingShardError: (FIL003) shards are missing.
        UnsafeShardError: (FIL004) a shard name in the index leaves the folder.
    """
    given = os.fspath(path)
    location = locate(given)
    root = location.root
    weights = _weights(location)
    _require_present(root, weights)
    shards = tuple(Shard(name, root / name, read_header(root / name)) for name in weights.names)
    tensors, repeated = _merge(shards, weights.index)
    problems = [*repeated_tensors(repeated, root)]
    if weights.index is not None:
        problems += check_index(weights.index, shards)
        problems += unread_files(weights.unread, weights.index)
    config, skipped = _read_config(root, "config.json", required=True)
    generation, more = _read_config(root, "generation_config.json", required=False)
    return Checkpoint(
        path=given,
        root=root,
        shards=shards,
        tensors=MappingProxyType(tensors),
        config=config,
        generation_config=generation,
        index=weights.index,
        notes=(*location.notes, *weights.notes),
        problems=tuple(problems),
        skipped=(*skipped, *more),
    )


def _weights(location: Location) -> Weights:
    match location.kind:
        case "folder":
            return from_folder(location.path)
        case "index":
            return from_index(location.path)
        case "file":
            return from_file(location.path)


def _require_present(root: Path, weights: Weights) -> None:
    missing = []
    for name in weights.names:
        try:
            os.stat(root / name)
        except (FileNotFoundError, NotADirectoryError):
            missing.append(name)
        except OSError as error:
            raise CheckpointError(
                f"cannot open {str(root / name)!r}: {reason(error)}; check its permissions",
                location=str(root / name),
            ) from error
    if missing:
        raise MissingShardError(
            f"{len(missing)} of {len(weights.names)} weights files are missing in {str(root)!r}: "
            f"{listing(missing, 10)}; download them again",
            location=str(root),
        )


def _merge(
    shards: tuple[Shard, ...], index: ShardIndex | None
) -> tuple[dict[str, TensorRef], dict[str, list[str]]]:
    """All tensors by name, and the shards of each that is stored more than once.

    Of a repeated tensor the index decides, else the last shard: loaders read one after the other.
    """
    tensors: dict[str, TensorRef] = {}
    repeated: dict[str, list[str]] = {}
    for shard in shards:
        for info in shard.header.tensors:
            earlier = tensors.get(info.name)
            if earlier is not None:
                repeated.setdefault(info.name, [earlier.shard.name]).append(shard.name)
                if index is not None and index.weight_map.get(info.name) == earlier.shard.name:
                    continue
            tensors[info.name] = TensorRef(info, shard)
    _require_indexed(tensors, index)
    return tensors, repeated


def _require_indexed(tensors: Mapping[str, TensorRef], index: ShardIndex | None) -> None:
    """Every tensor of the index is in the shard that it names."""
    if index is None:
        return
    wrong = [
        name
        for name, shard in index.weight_map.items()
        if name not in tensors or tensors[name].shard.name != shard
    ]
    if not wrong:
        return
    name = wrong[0]
    elsewhere = f" (it is in {tensors[name].shard.name!r})" if name in tensors else ""
    raise IndexMismatchError(
        f"{str(index.path)!r} names {len(wrong)} tensors that their shards do not hold, first {name!r}, "
        f"not in {index.weight_map[name]!r}{elsewhere}; download the shards again or write the index anew",
        location=str(index.path),
    )


def _read_config(
    root: Path, name: str, *, required: bool
) -> tuple[Mapping[str, Any] | None, tuple[Skip, ...]]:
    path = root / name
    if not os.path.lexists(path):
        return None, (Skip(name, f"not in {str(root)!r}"),) if required else ()
    try:
        value = read_json(path, CONFIG_LIMIT)
    except CheckpointError as error:
        return None, (Skip(name, error.message),)
    if not isinstance(value, dict):
        return None, (Skip(name, f"holds {kind(value)}, not an object"),)
    return MappingProxyType(value), ()
