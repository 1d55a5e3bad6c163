"""PATH -> Checkpoint: which files, what their headers say, and whether they agree."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from rowscope.inspector.checkpoint.checkpoint import Checkpoint
from rowscope.inspector.checkpoint.claim_record import read_claim_record
from rowscope.inspector.checkpoint.config import read_config, read_main_config
from rowscope.inspector.checkpoint.downloads import check_unfinished, unfinished_of
from rowscope.inspector.checkpoint.index import ShardIndex
from rowscope.inspector.checkpoint.index_checks import (
    absent_tensors,
    check_index,
    check_places,
    missing_files,
    repeated_tensors,
    tensor_places,
    unread_files,
)
from rowscope.inspector.checkpoint.listing import listing, names_in
from rowscope.inspector.checkpoint.locate import locate
from rowscope.inspector.checkpoint.names import check_names
from rowscope.inspector.checkpoint.nested import inside, tokenizer_folder
from rowscope.inspector.checkpoint.parts import assemble, in_parts
from rowscope.inspector.checkpoint.problem import Problem
from rowscope.inspector.checkpoint.weights import Weights, choose_weights
from rowscope.inspector.errors import MissingShardError
from rowscope.inspector.header import Shard, TensorRef, read_header


def open_checkpoint(
    path: str | os.PathLike[str], *, tokenizer: str | os.PathLike[str] | None = None
) -> Checkpoint:
    """Open a checkpoint: headers of all shards, index and config.

    Args:
        path: a folder, a `.safetensors` file, a `.safetensors.index.json`, `org/name` or
            `org/name@revision` in the local Hugging Face cache, or `demo`.
        tokenizer: the folder of the tokenizer files, or one of them, where they are not beside the weights.

    Raises:
        CheckpointError: nothing there that can be opened.
        MalformedFileError: (FIL001) a file breaks its format.
        MissingShardError: (FIL003) shards are missing.
        UnsafeShardError: (FIL004) a shard name in the index leaves the folder.
    """
    given = os.fsdecode(path)
    location = inside(locate(given))
    root = location.root
    weights = choose_weights(location)
    present = names_in(root)
    _require_present(root, weights.names, present)
    shards = tuple(Shard(name, root / name, read_header(root / name)) for name in weights.names)
    where = tensor_places(shards)
    names_from, tokenizer_note = tokenizer_folder(root) if tokenizer is None else (_given(tokenizer), None)
    config, skipped, config_note = read_main_config(root)
    generation, more = read_config(root, "generation_config.json", required=False)
    claims = read_claim_record(root)
    return Checkpoint(
        path=given,
        root=root,
        shards=shards,
        tensors=MappingProxyType(_tensors(shards, where, weights.index, root)),
        config=config,
        generation_config=generation,
        index=weights.index,
        notes=(
            *location.notes,
            *weights.notes,
            *(note for note in (config_note, tokenizer_note, claims.note) if note),
        ),
        problems=tuple(_problems(shards, where, weights, present, root)),
        skipped=(*skipped, *more),
        claims=claims,
        tokenizer_root=names_from,
        absent=() if weights.index is None else tuple(absent_tensors(weights.index, where)),
    )


def _given(tokenizer: str | os.PathLike[str]) -> Path:
    """The folder that `tokenizer` is, or is in; the Hugging Face cache is looked up as for PATH."""
    path = Path(os.fsdecode(tokenizer))
    return path.parent if path.is_file() else locate(str(path)).root


def _problems(
    shards: Sequence[Shard],
    where: Mapping[str, Sequence[str]],
    weights: Weights,
    present: Sequence[str],
    root: Path,
) -> list[Problem]:
    found = [*check_unfinished(weights.names, present, root)]
    if not in_parts(shards):
        found += repeated_tensors(where, root)
    if weights.index is not None:
        found += check_places(weights.index, where)
        found += check_index(weights.index, shards)
        found += unread_files(weights.unread, weights.index)
    found += check_names(where, str(root))
    return found


def _tensors(
    shards: Sequence[Shard], where: Mapping[str, Sequence[str]], index: ShardIndex | None, root: Path
) -> dict[str, TensorRef]:
    return assemble(shards, str(root)) if in_parts(shards) else _merge(shards, where, index)


def _require_present(root: Path, names: Sequence[str], present: Sequence[str]) -> None:
    missing = missing_files(root, names)
    if not missing:
        return
    begun = [left for name in missing for left in (*unfinished_of(name, present), *_in_cache(root / name))]
    under_way = f" (their download has begun: {listing(begun, 3)})" if begun else ""
    raise MissingShardError(
        f"{len(missing)} of {len(names)} weights files are missing in {str(root)!r}: "
        f"{listing(missing, 10)}{under_way}; download them again",
        location=str(root),
    )


def _in_cache(path: Path) -> list[str]:
    """The unfinished blob of a link that leads nowhere, as huggingface_hub keeps it."""
    blob = f"{os.readlink(path)}.incomplete" if path.is_symlink() else None
    return [os.path.basename(blob)] if blob and os.path.exists(path.parent / blob) else []


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
