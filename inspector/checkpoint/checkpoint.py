"""A checkpoint's headers, index and config, validated against each other. Reads no tensor data."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rowscope.inspector.checkpoint.claim_record import ClaimRecord, read_claim_record
from rowscope.inspector.checkpoint.config import Skip, architectures, model_type, quantization, read_config
from rowscope.inspector.checkpoint.index import ShardIndex
from rowscope.inspector.checkpoint.index_checks import (
    Problem,
    check_index,
    misplaced_tensors,
    missing_files,
    repeated_tensors,
    tensor_places,
    unread_files,
)
from rowscope.inspector.checkpoint.locate import locate
from rowscope.inspector.checkpoint.weights import choose_weights, listing
from rowscope.inspector.errors import CheckpointError, IndexMismatchError, MissingShardError
from rowscope.inspector.header import Shard, TensorRef, read_header
from rowscope.inspector.matrices import Matrix, MatrixLayout, find_matrices, with_packing
from rowscope.inspector.storage import MappedFile

_SHARD_NAME = re.compile(r"-(?P<number>\d{1,9})-of-(?P<count>\d{1,9})\.safetensors$", re.ASCII)


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
        claims: rows that `rowscope claim` wrote, as the record beside the weights says.
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
    claims: ClaimRecord = field(default=ClaimRecord(), repr=False)

    @cached_property
    def layout(self) -> MatrixLayout:
        """The vocabulary matrices and how they were found."""
        found = find_matrices(self.tensors, self.config)
        return with_packing(found, self.tensors, self.config, _bytes_of)

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

    @property
    def model_type(self) -> str | None:
        """`model_type` of the config."""
        return model_type(self.config)

    @property
    def architectures(self) -> tuple[str, ...]:
        """`architectures` of the config."""
        return architectures(self.config)

    @property
    def quantization(self) -> str | None:
        """The quantisation method that the config names; None for plain weights."""
        return quantization(self.config)

    @property
    def lone_shard(self) -> tuple[int, int] | None:
        """(number, count) where PATH is one shard of several, so that tensors may stand elsewhere."""
        if len(self.shards) != 1:
            return None
        match = _SHARD_NAME.search(self.shards[0].name)
        if match is None or int(match["count"]) < 2:
            return None
        return int(match["number"]), int(match["count"])

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
    given = os.fsdecode(path)
    location = locate(given)
    root = location.root
    weights = choose_weights(location)
    _require_present(root, weights.names)
    shards = tuple(Shard(name, root / name, read_header(root / name)) for name in weights.names)
    where = tensor_places(shards)
    problems = [*repeated_tensors(where, root)]
    if weights.index is not None:
        _require_indexed(where, weights.index)
        problems += check_index(weights.index, shards)
        problems += unread_files(weights.unread, weights.index)
    config, skipped = read_config(root, "config.json", required=True)
    generation, more = read_config(root, "generation_config.json", required=False)
    claims = read_claim_record(root)
    return Checkpoint(
        path=given,
        root=root,
        shards=shards,
        tensors=MappingProxyType(_merge(shards, where, weights.index)),
        config=config,
        generation_config=generation,
        index=weights.index,
        notes=(*location.notes, *weights.notes, *([claims.note] if claims.note else [])),
        problems=tuple(problems),
        skipped=(*skipped, *more),
        claims=claims,
    )


def _require_present(root: Path, names: Sequence[str]) -> None:
    missing = missing_files(root, names)
    if missing:
        raise MissingShardError(
            f"{len(missing)} of {len(names)} weights files are missing in {str(root)!r}: "
            f"{listing(missing, 10)}; download them again",
            location=str(root),
        )


def _merge(
    shards: Sequence[Shard], where: Mapping[str, Sequence[str]], index: ShardIndex | None
) -> dict[str, TensorRef]:
    """All tensors by name.

    Of a tensor that is stored more than once the index decides, else the last shard: loaders read one
    after the other.
    """
    tensors = {}
    for shard in shards:
        for info in shard.header.tensors:
            holders = where[info.name]
            wanted = index.weight_map.get(info.name) if index is not None else None
            if shard.name == (wanted if wanted in holders else holders[-1]):
                tensors[info.name] = TensorRef(info, shard)
    return tensors


def _require_indexed(where: Mapping[str, Sequence[str]], index: ShardIndex) -> None:
    wrong = misplaced_tensors(index, where)
    if not wrong:
        return
    name, holders = wrong[0]
    found = f" (it is in {listing(holders)})" if holders else ""
    raise IndexMismatchError(
        f"{str(index.path)!r} names {len(wrong)} tensors that their shards do not hold, first {name!r}, "
        f"not in {index.weight_map[name]!r}{found}; download the shards again or write the index anew",
        location=str(index.path),
    )


def _bytes_of(ref: TensorRef) -> bytes:
    """The bytes of a small tensor."""
    with MappedFile(ref.shard.path) as file:
        return file.read(ref.offset, ref.offset + ref.nbytes)
