"""What an undo manifest of unknown origin may ask for: what a claim in this checkpoint could have changed."""

from __future__ import annotations

import math

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.claim.applying.manifest import KeptShard, Manifest, Region
from rowscope.inspector.claim.edits.edits import is_editable
from rowscope.inspector.claim.values.targets import writable_tensors
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.header import TensorRef
from rowscope.inspector.text import plural


def require_harmless(manifest: Manifest, checkpoint: Checkpoint) -> None:
    """Refuse a manifest with files that no claim edits, or bytes that are no rows of the vocabulary tables.

    Raises:
        RefusedError: names the file or the bytes.
    """
    for kept in manifest.files:
        if not is_editable(kept.name):
            raise _refused(checkpoint, f"it names {kept.name!r}, which no claim changes")
    tensors = writable_tensors(checkpoint)
    for shard in manifest.shards:
        _require_rows(shard, tensors, checkpoint)


def _require_rows(shard: KeptShard, tensors: tuple[TensorRef, ...], checkpoint: Checkpoint) -> None:
    own = [ref for ref in tensors if ref.shard.name == shard.name]
    for region in shard.regions:
        if not any(_is_row(region, ref) for ref in own):
            raise _refused(
                checkpoint,
                f"its {plural(len(region.before), 'byte')} at {region.offset} of {shard.name!r} are no row "
                "of a vocabulary table",
            )


def _is_row(region: Region, ref: TensorRef) -> bool:
    """Whether the bytes are exactly one row of a tensor; of a bias over the vocabulary, one element."""
    entries = ref.shape[0] if len(ref.shape) > 1 and ref.shape[0] > 1 else math.prod(ref.shape)
    length, at = ref.nbytes // entries, region.offset - ref.offset
    return len(region.before) == length and at % length == 0 and 0 <= at < ref.nbytes


def _refused(checkpoint: Checkpoint, why: str) -> RefusedError:
    return RefusedError(
        f"the undo manifest of {checkpoint.path!r} was not made by a claim: {why}; nothing was changed. Take "
        "the checkpoint from its source",
        location=checkpoint.path,
    )
