"""How much probability chosen ids keep under sampling filters: one sort serves every temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Filters:
    """Settings of the filters, in the terms of transformers' logits warpers; each is applied alone.

    Temperature comes first, as in transformers: top_p and min_p look at the probabilities after it.
    """

    top_k: int
    top_p: float
    min_p: float


@dataclass(frozen=True, slots=True)
class Sorted:
    """Logits [n, vocabulary] in falling order, and which of them belong to the chosen ids."""

    logits: Any
    chosen: Any


def sort_logits(logits: Any, chosen: Any) -> Sorted:  # noqa: ANN401 - tensors
    """Sort each row; `chosen` is bool [vocabulary]."""
    values, order = logits.sort(dim=-1, descending=True)
    return Sorted(values, chosen[order])


def masses(rows: Sorted, temperature: float, filters: Filters) -> dict[str, Any]:
    """Mass on the chosen ids under each filter, float [n]; "none" is without any.

    top_k keeps the k highest logits and what ties with the last of them; top_p (nucleus) keeps the most
    likely tokens while the mass before them is below `top_p`; min_p keeps tokens of at least `min_p` times
    the highest probability.
    """
    p = (rows.logits / temperature).softmax(-1)
    before = p.cumsum(-1) - p
    last = rows.logits[:, min(filters.top_k, p.shape[-1]) - 1, None]
    kept = {
        "none": p,
        "top_k": p * (rows.logits >= last),
        # The most likely token always stays: nothing lies before it.
        "top_p": p * ((before < filters.top_p) | (before <= 0)),
        "min_p": p * (p >= filters.min_p * p[:, :1]),
    }
    return {name: (q * rows.chosen).sum(-1) / q.sum(-1) for name, q in kept.items()}


def masked(logits: Any, masked_logits: Any, chosen: Any, temperature: float) -> tuple[Any, float]:  # noqa: ANN401
    """Mass on the chosen ids after a mask, and how much the mask changes the others' log ratios.

    Returns:
        float [n], and the largest change of log(p_i / p_j) over all pairs of other ids and all rows.
    """
    plain = (logits / temperature).log_softmax(-1)
    after = (masked_logits / temperature).log_softmax(-1)
    shift = (after - plain)[:, ~chosen]
    if not shift.shape[1]:
        return after.exp()[:, chosen].sum(-1), float("nan")
    change = (shift.amax(-1) - shift.amin(-1)).max()
    return after.exp()[:, chosen].sum(-1), float(change)
