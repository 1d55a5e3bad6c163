"""Tensors that several files hold in parts: read together by their offsets, or refused by name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from rowscope.inspector.errors import CheckpointError, MalformedFileError, MissingShardError
from rowscope.inspector.header import DTYPE_BITS, Piece, Shard, TensorInfo, TensorRef, kind, quote
from rowscope.inspector.storage import decode_json

# torch.distributed.checkpoint, `_hf_utils.py`: where each file says which part of each tensor it holds.
SHARDING: Final = "DCP_SHARDING_INFO"
OFFSETS: Final = "saved_offsets"
DCP_NAME: Final = re.compile(r"shard-\d+-model-\d+-of-\d+\.safetensors")

_ORIGINAL = "audit the Hugging Face checkpoint that it was made from"


class PartNames(NamedTuple):
    """Files that hold parts of tensors and do not say which."""

    name: re.Pattern[str]
    writer: str
    hint: str


PART_NAMES: tuple[PartNames, ...] = (
    PartNames(
        re.compile(r"model-rank-\d+-part-\d+\.safetensors"),
        "vLLM's sharded state",
        f"vLLM alone can load them (--load-format sharded_state): {_ORIGINAL}",
    ),
    PartNames(
        re.compile(r"model\d+-mp\d+\.safetensors"),
        "DeepSeek's inference/convert.py",
        _ORIGINAL,
    ),
    PartNames(re.compile(r"rank\d+\.safetensors"), "TensorRT-LLM", _ORIGINAL),
    PartNames(
        re.compile(r".*(?:[tm]p|tensor|model_parallel)[_-]?rank[_-]?\d+.*\.safetensors"),
        "a tensor-parallel run",
        "merge them with the tool that wrote them, or save the gathered model with save_pretrained",
    ),
)


def refuse_parts(names: Sequence[str], place: str) -> None:
    """Raise where every name is one of files that hold parts of tensors, without saying which parts.

    Raises:
        CheckpointError: each file shows some rows of each table under the wrong ids.
    """
    for rule in PART_NAMES:
        if names and all(rule.name.fullmatch(name) for name in names):
            raise CheckpointError(
                f"{place!r} holds the parts of tensors that {rule.writer} cuts, first {names[0]!r}, and "
                "nothing "
                f"in them says which rows each file has; {rule.hint}",
                location=place,
            )


def refuse_part(name: str, place: str, *, alone: bool) -> None:
    """Raise where one file alone is asked for that holds parts of tensors.

    Raises:
        CheckpointError: its first row is hardly token 0.
    """
    refuse_parts([name], place)
    if DCP_NAME.fullmatch(name) and not alone:
        raise CheckpointError(
            f"{place!r} is one of several files that hold parts of the same tensors; give the folder, "
            "which is "
            "read as a whole",
            location=place,
        )


def in_parts(shards: Sequence[Shard]) -> bool:
    """Whether the files say which parts of tensors they hold."""
    return any(SHARDING in shard.header.metadata for shard in shards)


def assemble(shards: Sequence[Shard], root: str) -> dict[str, TensorRef]:
    """All tensors by name, each with its pieces.

    The shape of a tensor reaches as far as its pieces do, as in torch's `consolidate_safetensors_files`.

    Raises:
        MalformedFileError: offsets that are missing or do not fit their tensor.
        MissingShardError: the pieces of a tensor do not cover it.
    """
    found: dict[str, list[Piece]] = {}
    for shard in shards:
        offsets = _offsets(shard)
        for info in shard.header.tensors:
            at = offsets.get(info.name, (0,) * len(info.shape))
            if len(at) != len(info.shape):
                raise _malformed(
                    shard, f"{quote(info.name)} has {len(info.shape):,} sizes and {len(at)} offsets"
                )
            found.setdefault(info.name, []).append(Piece(TensorRef(info, shard), at))
    return {name: _whole(name, pieces, root) for name, pieces in found.items()}


def _whole(name: str, pieces: list[Piece], root: str) -> TensorRef:
    distinct = {(piece.at, piece.ref.shape): piece for piece in reversed(pieces)}
    ordered = tuple(sorted(distinct.values(), key=lambda piece: piece.at))
    first = ordered[0]
    for piece in ordered:
        if piece.ref.dtype != first.ref.dtype or len(piece.at) != len(first.at):
            raise _malformed(
                piece.ref.shard, f"{quote(name)} has another dtype or rank in {first.ref.shard.name!r}"
            )
    shape = tuple(max(p.at[axis] + p.ref.shape[axis] for p in ordered) for axis in range(len(first.at)))
    held, wanted = sum(math.prod(piece.ref.shape) for piece in ordered), math.prod(shape)
    if held != wanted:
        raise MissingShardError(
            f"the parts of {name!r} in {root!r} have {held} of its {wanted:,} elements; a file is missing or "
            "is "
            "there twice: copy the whole folder again",
            location=root,
        )
    info = TensorInfo(name, first.ref.dtype, shape, 0, wanted * DTYPE_BITS[first.ref.dtype] // 8)
    return TensorRef(info, first.ref.shard, ordered)


def _offsets(shard: Shard) -> dict[str, tuple[int, ...]]:
    text = shard.header.metadata.get(SHARDING)
    if text is None:
        return {}
    try:
        tree = decode_json(text)
    except (ValueError, RecursionError) as error:
        raise _malformed(shard, f"it is no JSON: {error}") from error
    if not isinstance(tree, Mapping):
        raise _malformed(shard, f"it is {kind(tree)}, not an object")
    return {name: _numbers(shard, name, value) for name, value in tree.items()}


def _numbers(shard: Shard, name: str, value: Any) -> tuple[int, ...]:  # noqa: ANN401 - a JSON value
    found = value.get(OFFSETS) if isinstance(value, Mapping) else None
    if not isinstance(found, list) or not all(type(number) is int and number >= 0 for number in found):
        raise _malformed(shard, f"{OFFSETS} of {quote(name)} is {kind(found)}, not a list of whole numbers")
    return tuple(found)


def _malformed(shard: Shard, fault: str) -> MalformedFileError:
    return MalformedFileError(
        f"{shard.file.location!r}: the entry {SHARDING} of its metadata cannot be used: {fault}; save the "
        "checkpoint "
        "again",
        location=shard.file.location,
    )
