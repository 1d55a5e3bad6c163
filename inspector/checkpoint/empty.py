"""Tensors that were saved without their elements: a ZeRO-3 run that did not gather them (FIL007)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rowscope.inspector.checkpoint.problem import Problem
from rowscope.inspector.header import Shard
from rowscope.inspector.text import say

# DeepSpeed's `stage3_gather_16bit_weights_on_model_save` (`runtime/engine.py`) is what was not set.
GATHER: Final = say(
    "if the run's checkpoint is there, with its folder global_step…, make the weights with 'python "
    "zero_to_fp32.py CHECKPOINT OUT --safe_serialization'; else save again with "
    "zero_optimization.stage3_gather_16bit_weights_on_model_save set to true"
)
_MOST_NAMES: Final = 10_000


def check_empty(shards: Sequence[Shard], root: str) -> Iterator[Problem]:
    """FIL007: weights of shape [0], as a parameter looks whose parts are on other ranks."""
    every = [info for shard in shards for info in shard.header.tensors]
    empty = [info.name for info in every if info.shape == (0,)]
    if any(name.endswith("weight") for name in empty):  # a buffer alone may be empty by design
        yield Problem(
            "FIL007",
            say(
                "{count} of the {all} tensors have no elements, first {first!r}: they were saved under "
                "DeepSpeed ZeRO-3 without gathering them, and no loader finds their values",
                count=len(empty),
                all=len(every),
                first=empty[0],
            ),
            root,
            {"kind": "empty_tensors", "count": len(empty), "tensors": empty[:_MOST_NAMES]},
            GATHER,
            severity="error",
        )
