"""A reserved slot given a row of its own, in memory only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.model.loading.call import float64
from rowscope.inspector.model.loading.load import Loaded

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
    """Write the mean of the trained used rows, at their median norm, into row `id` of each matrix.

    Untrained rows stay out of the mean: there can be more of them than of anything else. `rowscope claim`
    fills rows the same way by default. Returns how many rows went into the mean.
    """
    import torch

    used = loaded.subject.trained
    with torch.no_grad():
        for matrix in matrices(loaded).values():
            mean, norm = mean_row(matrix, used[used < matrix.shape[0]])
            length = float(torch.linalg.vector_norm(mean))
            scaled = mean * (norm / length) if length > 0 else mean
            matrix[id] = scaled.to(matrix.dtype).to(matrix.device)
    return int(used.size)


def mean_row(matrix: Any, ids: Ids) -> tuple[Any, float]:  # noqa: ANN401 - tensors
    """Mean of the rows `ids`, float64 [d], and the median of their norms."""
    import torch

    step = max(1, _BLOCK // int(matrix.shape[1]))
    total, norms = float64(matrix[:1]).sum(0) * 0.0, []
    for start in range(0, ids.size, step):
        index = torch.as_tensor(ids[start : start + step], device=matrix.device)
        rows = float64(matrix[index])
        total += rows.sum(0)
        norms += torch.linalg.vector_norm(rows, dim=1).tolist()
    return total / max(ids.size, 1), float(np.median(norms)) if norms else 0.0


@contextmanager
def claimed(loaded: Loaded, id: int) -> Iterator[int]:
    """The slot `id` with a row of its own, as `fill_row` makes it; the stored row comes back at the end."""
    import torch

    tables = list(matrices(loaded).values())
    stored = [matrix[id].detach().clone() for matrix in tables]
    try:
        yield fill_row(loaded, id)
    finally:
        with torch.no_grad():
            for matrix, row in zip(tables, stored, strict=True):
                matrix[id] = row


@contextmanager
def restored(loaded: Loaded, parameters: list[Any]) -> Iterator[list[Any]]:
    """Copies of `parameters`, which are written back at the end, whatever happens in between."""
    copies = [p.detach().clone() for p in parameters]
    flags = [(p, p.requires_grad) for p in loaded.network.parameters()]
    try:
        yield copies
    finally:
        write_back(parameters, copies)
        for parameter, flag in flags:
            parameter.requires_grad_(flag)


def write_back(parameters: list[Any], copies: list[Any]) -> None:
    """Give the parameters the copies' values, and no gradient."""
    import torch

    with torch.no_grad():
        for parameter, copy in zip(parameters, copies, strict=True):
            parameter.copy_(copy)
            parameter.grad = None
