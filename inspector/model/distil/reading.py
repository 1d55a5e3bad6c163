"""Sequences read several at a time: which go together, and what the model makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.model.distil.texts import MOST_TOKENS
from rowscope.inspector.model.loading.call import call, float64, pad, spans, tensor
from rowscope.inspector.model.loading.load import Loaded

TOGETHER: Final = MOST_TOKENS
"""Tokens read at a time, padding included: short texts together hold no more than the longest one."""

_FILLER: Final = 0  # stands behind short sequences; a causal model's states before it do not depend on it

Ids = tuple[int, ...]


def batches(sequences: Sequence[Ids]) -> list[tuple[int, ...]]:
    """Indexes of sequences to read together, shortest first, so that little is padding."""
    found: list[tuple[int, ...]] = []
    batch: tuple[int, ...] = ()
    for at in sorted(range(len(sequences)), key=lambda at: len(sequences[at])):
        # The next one is the longest so far.
        if batch and (len(batch) + 1) * len(sequences[at]) > TOGETHER:
            found.append(batch)
            batch = ()
        batch = (*batch, at)
    return [*found, batch] if batch else found


def states(loaded: Loaded, sequences: Sequence[Ids], at: Sequence[Ids]) -> list[Any]:
    """Last hidden states [positions, d] at some positions of each sequence, read together.

    Raises:
        RefusedError: (NO_HIDDEN) the model gives none.
    """
    found = call(loaded, *_padded(loaded, sequences), hidden=True, last=True).hidden
    if not found:
        name = type(loaded.network).__name__
        raise RefusedError(
            f"{name} gives no hidden states: there is nothing to distil from; use --values mean",
            location=name,
            code="NO_HIDDEN",
        )
    return [found[-1][row, list(places)] for row, places in enumerate(at)]


def probabilities(loaded: Loaded, sequences: Sequence[Ids], id: int) -> Iterator[Any]:
    """Probability of an id at every position of each sequence, float64 [positions], read together."""
    import torch

    logits = call(loaded, *_padded(loaded, sequences)).logits
    for row, ids in enumerate(sequences):
        parts = spans(len(ids), int(logits.shape[-1]))
        yield torch.cat([float64(logits[row, part]).softmax(-1)[:, id] for part in parts])


def _padded(loaded: Loaded, sequences: Sequence[Ids]) -> tuple[Any, Any]:
    mask = pad([[1] * len(ids) for ids in sequences], 0)
    return tensor(loaded, pad(sequences, _FILLER)), tensor(loaded, mask)
