"""A reserved slot given a row of its own, in memory only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.model.call import float64
from rowscope.inspector.model.load import Loaded

Ids = NDArray[np.int64]

_BLOCK: Final = 1 << 22


def pick_slot(loaded: Loaded) -> int:
    """The id that a claim would take: the first reserved one with a row in both matrices.

    Where something else is probed (`ids`, or a checkpoint without reserved rows), its first id.

    Raises:
        RefusedError: (NO_SLOT) none has a row in both matrices.
    """
    subject = loaded.subject
    slots = subject.free_slots if subject.kind == "reserved" else subject.ids
    slots = slots[slots < min(loaded.input_rows, loaded.output_rows or 0)]
    if not slots.size:
        raise RefusedError(
            f"no {subject.noun} id of {loaded.checkpoint.path!r} has a row in both matrices: there is no "
            "slot to claim; name one with --ids",
            location=loaded.checkpoint.path,
            code="NO_SLOT",
        )
    return int(slots[0])


def matrices(loaded: Loaded) -> dict[str, Any]:
    """The vocabulary matrices as parameters: "both", or "input" and "output"."""
    if loaded.tied:
        return {"both": loaded.embedding.weight}
    return {"input": loaded.embedding.weight, "output": loaded.head.weight}


def fill_row(loaded: Loaded, id: int) -> int:
    """Write the mean of the trained used rows into row `id` of each matrix; returns how many they are.

    Untrained rows stay out of the mean: there can be more of them than of anything else.
    """
    import torch

    used = loaded.subject.trained
    with torch.no_grad():
        for matrix in matrices(loaded).values():
            matrix[id] = mean_row(matrix, used[used < matrix.shape[0]]).to(matrix.dtype).to(matrix.device)
    return int(used.size)


def mean_row(matrix: Any, ids: Ids) -> Any:  # noqa: ANN401 - tensors
    """Mean of the rows `ids`, float64 [d]."""
    import torch

    width = int(matrix.shape[1])
    step = max(1, _BLOCK // width)
    total = float64(matrix[:1]).sum(0) * 0.0
    for start in range(0, ids.size, step):
        index = torch.as_tensor(ids[start : start + step], device=matrix.device)
        total += float64(matrix[index]).sum(0)
    return total / max(ids.size, 1)


@contextmanager
def restored(loaded: Loaded, parameters: list[Any]) -> Iterator[list[Any]]:
    """Copies of `parameters`, which are written back at the end, whatever happens in between."""
    import torch

    copies = [p.detach().clone() for p in parameters]
    flags = [(p, p.requires_grad) for p in loaded.network.parameters()]
    try:
        yield copies
    finally:
        with torch.no_grad():
            for parameter, copy in zip(parameters, copies, strict=True):
                parameter.copy_(copy)
                parameter.grad = None
        for parameter, flag in flags:
            parameter.requires_grad_(flag)
