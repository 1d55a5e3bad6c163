"""What `inspect` tells: tensors, dtypes, sizes, shards and integrity, from the headers alone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

import rowscope
from rowscope.inspector.checkpoint.checkpoint import Checkpoint
from rowscope.inspector.checkpoint.config import Skip
from rowscope.inspector.checkpoint.downloads import Verified
from rowscope.inspector.checkpoint.downloads import verify as verify_files
from rowscope.inspector.checkpoint.problem import Problem
from rowscope.inspector.checkpoint.structure_groups import TensorGroup, group_tensors, natural_key
from rowscope.inspector.frozen import fields_of, record
from rowscope.inspector.header import TensorRef

SCHEMA_VERSION: Final = "1"

_SMALL = (".json", ".txt", ".model", ".jinja", ".tiktoken")
_GLOB = re.compile(r"[*?\[]")


@record
class FileSummary:
    """One weights file: size in bytes, tensors it holds."""

    name: str
    bytes: int
    tensors: int


@record
class DtypeTotal:
    """All tensors of one dtype: how many, their elements, their bytes."""

    dtype: str
    tensors: int
    parameters: int
    bytes: int


@record
class Integrity:
    """What the headers account for, in bytes over all files.

    Attributes:
        files: weights files whose header is valid: all of them, or the checkpoint had not opened.
        file_bytes: their sizes; `header_bytes` + `tensor_bytes` where every byte is accounted for.
        header_bytes: length fields, JSON and its padding.
        tensor_bytes: bytes that belong to a tensor.
        index: "absent", "agrees" or "disagrees".
        index_tensors: tensors that the index names, None without one.
        index_total_size: the size that the index states, None where it does not.
    """

    files: int
    file_bytes: int
    header_bytes: int
    tensor_bytes: int
    index: str
    index_tensors: int | None
    index_total_size: int | None


@record
class Structure:
    """A checkpoint's structure; `dtypes`, `groups` and `tensors` cover what the filter lets through.

    Attributes:
        path: PATH as given.
        bytes, tensor_count, parameters: of the whole checkpoint.
        metadata: `__metadata__` entries on which all shards that have them agree.
        metadata_by_file: the others, by file.
        pattern: the filter, None where all tensors are shown.
        tensors: in natural order of their names.
        groups: the same tensors, numbered ones together.
        verified: which files have the digest of their download; None where nobody asked.
    """

    path: str
    files: tuple[FileSummary, ...]
    bytes: int
    tensor_count: int
    parameters: int
    model_type: str | None
    architectures: tuple[str, ...]
    quantization: str | None
    integrity: Integrity
    metadata: Mapping[str, str]
    metadata_by_file: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]
    skipped: tuple[Skip, ...]
    pattern: str | None
    dtypes: tuple[DtypeTotal, ...]
    groups: tuple[TensorGroup, ...]
    tensors: tuple[TensorRef, ...]
    verified: Verified | None = None

    @property
    def exit_code(self) -> int:
        """0, or 1 where one of the problems is an error."""
        return int(any(problem.severity == "error" for problem in self.problems))

    def to_dict(self, exit_code: int = 0) -> dict[str, Any]:
        """The JSON document of `inspect --format json` (schema_version "1")."""
        return {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "rowscope", "version": rowscope.__version__},
            "exit_code": exit_code,
            "checkpoint": {
                "path": self.path,
                "files": [fields_of(file) for file in self.files],
                "bytes": self.bytes,
                "tensors": self.tensor_count,
                "parameters": self.parameters,
                "model_type": self.model_type,
                "architectures": list(self.architectures),
                "quantization": self.quantization,
            },
            "integrity": fields_of(self.integrity),
            "filter": self.pattern,
            "dtypes": [fields_of(total) for total in self.dtypes],
            "groups": [group.to_dict() for group in self.groups],
            "tensors": [_tensor(tensor) for tensor in self.tensors],
            "metadata": dict(self.metadata),
            "metadata_by_file": {name: dict(values) for name, values in self.metadata_by_file.items()},
            "notes": list(self.notes),
            "skipped": [fields_of(skip) for skip in self.skipped],
            "findings": [_finding(problem) for problem in self.problems],
            "verified": None if self.verified is None else self.verified.to_dict(),
        }


def describe(checkpoint: Checkpoint, *, pattern: str | None = None, verify: bool = False) -> Structure:
    """A checkpoint's structure.

    Args:
        pattern: keep tensors whose name contains it or, where it has `*`, `?` or `[`, matches it as a
            glob over the whole name; case matters.
        verify: also read all files and compare them with the digests of their download.
    """
    chosen = sorted(checkpoint.tensors.values(), key=lambda tensor: natural_key(tensor.name))
    if pattern is not None:
        chosen = [tensor for tensor in chosen if _matches(tensor.name, pattern)]
    common, by_file = _metadata(checkpoint)
    verified = verify_files(checkpoint.folder, _files_of(checkpoint)) if verify else None
    return Structure(
        path=checkpoint.path,
        files=tuple(
            FileSummary(shard.name, shard.header.file_bytes, len(shard.header.tensors))
            for shard in checkpoint.shards
        ),
        bytes=checkpoint.bytes,
        tensor_count=len(checkpoint.tensors),
        parameters=checkpoint.parameters,
        model_type=checkpoint.model_type,
        architectures=checkpoint.architectures,
        quantization=checkpoint.quantization,
        integrity=_integrity(checkpoint),
        metadata=common,
        metadata_by_file=by_file,
        notes=checkpoint.notes,
        problems=(*checkpoint.problems, *(verified.wrong if verified else ())),
        skipped=checkpoint.skipped,
        pattern=pattern,
        dtypes=_dtype_totals(chosen),
        groups=group_tensors(chosen),
        tensors=tuple(chosen),
        verified=verified,
    )


def _files_of(checkpoint: Checkpoint) -> list[str]:
    """The weights, and the small files beside them that say how to read them."""
    small = [name for name in checkpoint.folder.names() if name.endswith(_SMALL)]
    return [*(shard.name for shard in checkpoint.shards), *small]


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) if _GLOB.search(pattern) else pattern in name


def _integrity(checkpoint: Checkpoint) -> Integrity:
    headers = [shard.header for shard in checkpoint.shards]
    index = checkpoint.index
    return Integrity(
        files=len(headers),
        file_bytes=checkpoint.bytes,
        header_bytes=sum(header.data_start for header in headers),
        tensor_bytes=sum(info.stop - info.start for header in headers for info in header.tensors),
        index="absent"
        if index is None
        else "disagrees"
        if any(problem.code == "FIL002" for problem in checkpoint.problems)
        else "agrees",
        index_tensors=None if index is None else len(index.weight_map),
        index_total_size=None if index is None else index.total_size,
    )


def _dtype_totals(tensors: Sequence[TensorRef]) -> tuple[DtypeTotal, ...]:
    """Totals by dtype, the largest first."""
    by_dtype: dict[str, list[TensorRef]] = {}
    for tensor in tensors:
        by_dtype.setdefault(tensor.dtype, []).append(tensor)
    totals = [
        DtypeTotal(
            dtype,
            len(members),
            sum(math.prod(tensor.shape) for tensor in members),
            sum(tensor.nbytes for tensor in members),
        )
        for dtype, members in by_dtype.items()
    ]
    return tuple(sorted(totals, key=lambda total: (-total.bytes, total.dtype)))


def _metadata(checkpoint: Checkpoint) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    values: dict[str, set[str]] = {}
    for shard in checkpoint.shards:
        for key, value in shard.header.metadata.items():
            values.setdefault(key, set()).add(value)
    common = {key: next(iter(found)) for key, found in values.items() if len(found) == 1}
    by_file = {
        shard.name: {key: value for key, value in shard.header.metadata.items() if key not in common}
        for shard in checkpoint.shards
    }
    return common, {name: rest for name, rest in by_file.items() if rest}


def _tensor(tensor: TensorRef) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "file": tensor.shard.name,
        "offset": tensor.offset,
        "bytes": tensor.nbytes,
    }


def _finding(problem: Problem) -> dict[str, Any]:
    """A problem in the form of the contract's findings."""
    return {
        "code": problem.code,
        "name": problem.name,
        "severity": problem.severity,
        "confidence": "high",
        "message": problem.message,
        "location": problem.location,
        "evidence": dict(problem.evidence),
        "hint": problem.hint,
    }
