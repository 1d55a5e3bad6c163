"""The error for a checkpoint without vocabulary matrices."""

from __future__ import annotations

from rowscope.inspector.checkpoint.checkpoint import Checkpoint
from rowscope.inspector.errors import NoMatrixError
from rowscope.inspector.matrices import INPUT_NAMES, OUTPUT_NAMES


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
    return NoMatrixError(
        f"none of the {len(checkpoint.tensors)} tensors in {checkpoint.path!r} is a vocabulary matrix: "
        f"looked for two-dimensional tensors whose names end in {names} and {len(known) - 6} others; "
        "`rowscope inspect` lists what is there",
        location=checkpoint.path,
    )
