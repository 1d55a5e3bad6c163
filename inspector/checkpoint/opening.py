"""PATH -> Checkpoint: which files, what their headers say, and whether they agree."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rowscope.inspector.checkpoint.checkpoint import Checkpoint
from rowscope.inspector.checkpoint.claim_record import read_claim_record
from rowscope.inspector.checkpoint.config import CONFIG_LIMIT, read_config, read_main_config
from rowscope.inspector.checkpoint.downloads import check_unfinished, unfinished_of
from rowscope.inspector.checkpoint.empty import check_empty
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
from rowscope.inspector.checkpoint.listing import listing
from rowscope.inspector.checkpoint.location import Location, locate, path_text
from rowscope.inspector.checkpoint.names import check_names
from rowscope.inspector.checkpoint.nested import inside, is_static_embedding, tokenizer_folder
from rowscope.inspector.checkpoint.parts import assemble, in_parts
from rowscope.inspector.checkpoint.problem import Problem
from rowscope.inspector.checkpoint.weights import Weights, choose_weights
from rowscope.inspector.errors import MissingShardError, require
from rowscope.inspector.frozen import ReadOnly
from rowscope.inspector.header import HEADER_FIRST, Shard, TensorRef, read_header
from rowscope.inspector.storage import File, Folder, RemoteOptions, local_file

if TYPE_CHECKING:
    from rowscope.inspector.checkpoint.adapter import Adapter
    from rowscope.inspector.checkpoint.config import Skip

_SMALL: Final = ("config.json", "generation_config.json")


def open_checkpoint(
    path: str | os.PathLike[str] | Folder,
    *,
    tokenizer: str | os.PathLike[str] | None = None,
    base: str | os.PathLike[str] | None = None,
    remote: RemoteOptions | None = None,
) -> Checkpoint:
    """Open a checkpoint: headers of all shards, index and config.

    Args:
        path: a folder, a `.safetensors` file, a `.safetensors.index.json`, `org/name` or
            `org/name@revision` in the local Hugging Face cache, `demo`, a URL, or a folder of any backend.
        tokenizer: the folder of the tokenizer files, or one of them, where they are not beside the weights.
        base: where PATH is a PEFT adapter, the model that it was trained on, as for PATH.
        remote: what the user decided about URLs: a cache, limits.

    Raises:
        UsageError: `path` is none, or `base` stands beside a whole model.
        CheckpointError: nothing there that can be opened.
        MalformedFileError: (FIL001) a file breaks its format.
        MissingShardError: (FIL003) shards are missing.
        UnsafeShardError: (FIL004) a shard name in the index leaves the folder.
        RemoteError: a URL whose place does not give what is asked for.
    """
    if remote is not None:
        require("remote", remote, RemoteOptions, "rowscope.RemoteOptions(...)")
    if isinstance(path, Folder):
        given, location = path.location, inside(Location("folder", path))
    else:
        found = locate(path_text(path), remote)
        given = os.fsdecode(path) if found.folder.traffic is None else found.folder.spell(found.name)
        location = inside(found)
    folder = location.folder
    weights = choose_weights(location)
    folder.expect({**dict.fromkeys(weights.names, HEADER_FIRST), **dict.fromkeys(_SMALL, CONFIG_LIMIT)})
    present = folder.names()
    _require_present(folder, weights.names, present)
    files = [File(folder, name) for name in weights.names]
    shards = tuple(Shard(file.name, file, read_header(file)) for file in files)
    where = tensor_places(shards)
    names_from, tokenizer_note = (
        tokenizer_folder(folder) if tokenizer is None else (_given(tokenizer, remote), None)
    )
    config, skipped, config_note = read_main_config(folder)
    if config is None and is_static_embedding(folder):
        skipped = tuple(skip for skip in skipped if folder.has(skip.what))
    generation, more = read_config(folder, "generation_config.json", required=False)
    claims = read_claim_record(folder)
    tensors = ReadOnly(_tensors(shards, where, weights.index, folder))
    adapter, unread = _adapter(folder, weights.names, tensors)
    checkpoint = Checkpoint(
        path=given,
        folder=folder,
        shards=shards,
        tensors=tensors,
        config=config,
        generation_config=generation,
        index=weights.index,
        notes=(
            *location.notes,
            *weights.notes,
            *(note for note in (config_note, tokenizer_note, claims.note) if note),
        ),
        problems=tuple(_problems(shards, where, weights, present, folder, config, adapter is not None)),
        skipped=(*skipped, *more, *unread),
        claims=claims,
        tokenizer_folder=names_from,
        absent=() if weights.index is None else tuple(absent_tensors(weights.index, where)),
    )
    if adapter is None and base is None:
        return checkpoint
    from rowscope.inspector.checkpoint.based import alone, on_base

    if base is not None:
        return on_base(checkpoint, adapter, open_checkpoint(base, remote=remote))
    return checkpoint if adapter is None else alone(checkpoint, adapter)


def _adapter(
    folder: Folder, names: Sequence[str], tensors: Mapping[str, TensorRef]
) -> tuple[Adapter | None, tuple[Skip, ...]]:
    """The adapter that the opened files are, None for a whole model; and why its config was not read."""
    if not names or not all(name.startswith("adapter_model") for name in names):
        return None, ()
    from rowscope.inspector.checkpoint.adapter import read_adapter

    return read_adapter(folder, tensors)


def _given(tokenizer: str | os.PathLike[str], remote: RemoteOptions | None) -> Folder:
    """The folder that `tokenizer` is, or is in; the Hugging Face cache is looked up as for PATH."""
    path = path_text(tokenizer)
    return local_file(Path(path)).folder if os.path.isfile(path) else locate(path, remote).folder


def _problems(
    shards: Sequence[Shard],
    where: Mapping[str, Sequence[str]],
    weights: Weights,
    present: Sequence[str],
    folder: Folder,
    config: Mapping[str, Any] | None,
    adapter: bool,
) -> list[Problem]:
    found = [*check_unfinished(weights.names, present, folder)]
    if not in_parts(shards):
        found += repeated_tensors(where, folder)
    if weights.index is not None:
        found += check_places(weights.index, where)
        found += check_index(weights.index, shards)
        found += unread_files(weights.unread, weights.index)
    found += check_empty(shards, folder.location)
    if not adapter:
        found += check_names(where, folder.location, config)
    return found


def _tensors(
    shards: Sequence[Shard], where: Mapping[str, Sequence[str]], index: ShardIndex | None, folder: Folder
) -> dict[str, TensorRef]:
    return assemble(shards, folder.location) if in_parts(shards) else _merge(shards, where, index)


def _require_present(folder: Folder, names: Sequence[str], present: Sequence[str]) -> None:
    missing = missing_files(folder, names)
    if not missing:
        return
    begun = [left for name in missing for left in (*unfinished_of(name, present), *_in_cache(folder, name))]
    under_way = f" (their download has begun: {listing(begun, 3)})" if begun else ""
    raise MissingShardError(
        f"{len(missing):,} of {len(names):,} weights files are missing in {folder.location!r}: "
        f"{listing(missing, 10)}{under_way}; download them again",
        location=folder.location,
    )


def _in_cache(folder: Folder, name: str) -> list[str]:
    """The unfinished file that huggingface_hub keeps, in a --local-dir or as the blob of a dangling link."""
    records = posixpath.join(".cache", "huggingface", "download")
    if folder.kind(records) == "folder":
        begun = [entry for entry in folder.names(records) if entry.startswith(f"{name}.")]
        begun = [entry for entry in begun if entry.endswith(".incomplete")]
        if begun:
            return begun
    target = folder.link(name)
    if target is None or not folder.has(posixpath.join(posixpath.dirname(name), f"{target}.incomplete")):
        return []
    return [f"{posixpath.basename(target)}.incomplete"]


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
