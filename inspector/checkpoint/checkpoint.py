"""A checkpoint's headers, index and config, validated against each other. Reads no tensor data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rowscope.inspector.checkpoint.claim_record import ClaimRecord
from rowscope.inspector.checkpoint.config import Skip, architectures, model_type, quantization
from rowscope.inspector.checkpoint.index import ShardIndex
from rowscope.inspector.checkpoint.problem import Problem
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.header import Shard, TensorRef
from rowscope.inspector.storage import Folder, Traffic
from rowscope.inspector.text import plural

if TYPE_CHECKING:
    from rowscope.inspector.checkpoint.adapter import Adapter
    from rowscope.inspector.matrices import Matrix, MatrixLayout, Table

_SHARD_NAME = re.compile(r"-(?P<number>\d{1,9})-of-(?P<count>\d{1,9})\.safetensors$", re.ASCII)


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint; no file stays open.

    Attributes:
        path: PATH as it was given.
        folder: the place that holds the config, most often the tokenizer files as well.
        shards: every weights file, in order of its name.
        tensors: every tensor of every shard, by name.
        config: `config.json`; None where it is absent or unusable (`skipped` says which).
        generation_config: `generation_config.json`, or None.
        index: the shard index, or None.
        notes: choices that were made for the user.
        problems: disagreements that do not stop the audit.
        skipped: what was not read, and why.
        claims: rows that `rowscope claim` wrote, as the record beside the weights says.
        absent: tensors that the index names and no shard holds.
        tokenizer_folder: the folder of the tokenizer files, most often `folder`.
        adapter: the PEFT adapter that it is; None for a whole model.
        base: the model that the adapter was trained on, where it was given.
    """

    path: str
    folder: Folder
    tokenizer_folder: Folder
    shards: tuple[Shard, ...]
    tensors: Mapping[str, TensorRef] = field(repr=False)
    config: Mapping[str, Any] | None
    generation_config: Mapping[str, Any] | None
    index: ShardIndex | None = field(repr=False)
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]
    skipped: tuple[Skip, ...]
    claims: ClaimRecord = field(default=ClaimRecord(), repr=False)
    absent: tuple[str, ...] = ()
    adapter: Adapter | None = field(default=None, repr=False)
    base: Checkpoint | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        kind = ", ".join(self.architectures) or self.model_type or "no config"
        shapes = [f"{matrix.tensor} {list(matrix.shape)}" for matrix in self.matrices]
        parts = [kind, plural(len(self.tensors), "tensor"), *(shapes or ["no vocabulary table"])]
        return f"<Checkpoint {self.path!r}: {', '.join(parts)}>"

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        """What was fetched over a network, by place; empty where everything is local."""
        folders = [self.folder, self.tokenizer_folder]
        found = {id(folder.traffic): folder.traffic for folder in folders if folder.traffic is not None}
        for traffic in self.base.traffic if self.base is not None else ():
            found[id(traffic)] = traffic
        return tuple(found.values())

    @property
    def root(self) -> Path:
        """The folder on the local disk, for rooms that write; RefusedError where it is elsewhere."""
        return self.folder.local()

    @cached_property
    def layout(self) -> MatrixLayout:
        """The vocabulary matrices and how they were found.

        Raises:
            IndexMismatchError: (FIL002) the index names one of them and no shard holds it.
            MissingShardError: (FIL003) a part of one of them is missing.
            NoMatrixError: one of them was saved without its elements.
        """
        from rowscope.inspector.checkpoint.tables import layout_of

        return layout_of(self)

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        """The vocabulary matrices."""
        return self.layout.matrices

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Every vocabulary table: the judged matrices first, then those with other vocabularies or uses."""
        from rowscope.inspector.checkpoint.tables import tables_of

        return tables_of(self)

    @cached_property
    def declaring(self) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
        """The config and generation config whose token ids are rows of the matrices.

        Where the logits are over another vocabulary (of a decoder, of audio codes), so are the ids of the
        whole config and of generation; what the config inside of the text model says still counts.
        """
        layout = self.layout
        if not layout.generates_elsewhere:
            return self.config, self.generation_config
        inside = layout.vocab is not None and "." in layout.vocab.path
        return (layout.vocab.config if inside and layout.vocab else None), None

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
