"""Every fault of a checkpoint's files, not only the first: what `inspect --diagnose` prints."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from rowscope.inspector.checkpoint.index import ShardIndex
from rowscope.inspector.checkpoint.index_checks import misplaced_tensors, missing_files, tensor_places
from rowscope.inspector.checkpoint.listing import listing
from rowscope.inspector.checkpoint.location import locate
from rowscope.inspector.checkpoint.nested import inside
from rowscope.inspector.checkpoint.weights import choose_weights
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.header import REFETCH, Fault, Header, Shard, examine_file, quote
from rowscope.inspector.storage import File


def diagnose(path: str | os.PathLike[str]) -> tuple[Fault, ...]:
    """All faults of the weights files that PATH means; empty where they are sound.

    A header that is no JSON has one fault: nothing behind it can be judged. Of the rest every value is
    judged, and gaps and coverage once every entry is usable. Disagreements that do not stop an audit
    are in `Checkpoint.problems`.

    Args:
        path: as for `open_checkpoint`.

    Raises:
        CheckpointError: nothing there that can be examined, or an index that cannot be read.
    """
    location = inside(locate(os.fsdecode(path)))
    weights = choose_weights(location)
    missing = missing_files(location.folder, weights.names)
    faults = [
        Fault("missing-shard", f"the shard {quote(name)} is missing", REFETCH, file=name) for name in missing
    ]
    shards = []
    for name in weights.names:
        if name not in missing:
            file = File(location.folder, name)
            header, found = _examine(file)
            faults += found
            if header is not None:
                shards.append(Shard(name, file, header))
    if weights.index is not None:
        faults += _index_faults(weights.index, shards)
    return tuple(faults)


def _examine(file: File) -> tuple[Header | None, list[Fault]]:
    try:
        header, faults = examine_file(file)
    except CheckpointError as error:
        return None, [Fault("unreadable", error.message, REFETCH, file=file.name)]
    return header, [replace(fault, file=file.name) for fault in faults]


def _index_faults(index: ShardIndex, shards: Sequence[Shard]) -> list[Fault]:
    """Indexed tensors that their shard, where it could be read, does not hold."""
    readable = {shard.name for shard in shards}
    faults = []
    for name, holders in misplaced_tensors(index, tensor_places(shards)):
        wanted = index.weight_map[name]
        if wanted in readable:
            found = f"it is in {listing(holders)}" if holders else "no shard holds it"
            message = f"the index places tensor {quote(name)} in {quote(wanted)}, but {found}"
            hint = "write the index anew with save_pretrained"
            faults.append(Fault("index", message, hint, tensor=name, file=index.file.name.rpartition("/")[2]))
    return faults
