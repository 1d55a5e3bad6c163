"""The error for a checkpoint without vocabulary matrices."""

from __future__ import annotations

from rowscope.inspector.checkpoint.checkpoint import Checkpoint
from rowscope.inspector.errors import NoMatrixError
from rowscope.inspector.matrices import INPUT_NAMES, OUTPUT_NAMES, nearest_misses


def no_matrix(checkpoint: Checkpoint) -> NoMatrixError:
    """The error for a checkpoint without vocabulary matrices: what was looked for, and where to look next."""
    if checkpoint.adapter is not None:
        return NoMatrixError(
            f"{checkpoint.path!r} is {checkpoint.adapter.words}. Its tables are in the base model: give "
            "the folder "
            "of that with --base",
            location=checkpoint.path,
        )
    known = (*INPUT_NAMES, *OUTPUT_NAMES)
    names = ", ".join(rule.suffix for rule in (*INPUT_NAMES[:4], *OUTPUT_NAMES[:2]))
    others = checkpoint.layout.others
    if others:
        table = others[0].matrix
        return NoMatrixError(
            f"{checkpoint.path!r} holds no matrix whose rows are the tokenizer's ids: {table.tensor!r} of "
            f"{table.rows:,} rows has a vocabulary of its own ({others[0].note}); look at it with "
            f"`rowscope rows {checkpoint.path} --matrix {table.tensor}`",
            location=checkpoint.path,
        )
    misses = nearest_misses(checkpoint.tensors, checkpoint.config)
    near = "; ".join(f"{miss.ref.name!r} {list(miss.ref.shape)}: {miss.why}" for miss in misses)
    return NoMatrixError(
        f"none of the {len(checkpoint.tensors):,} tensors in {checkpoint.path!r} is a vocabulary matrix: "
        f"looked for two-dimensional tensors whose names end in {names} and {len(known) - 6} others"
        + (f". Nearest: {near}. " if near else "; ")
        + "`rowscope inspect` lists what is there",
        location=checkpoint.path,
    )
