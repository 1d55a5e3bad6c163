"""How much probability chosen ids keep under sampling filters: one sort serves every temperature."""

from __future__ import annotations

from typing import Any

from rowscope.inspector.frozen import record


@record
class Filters:
    """Settings of the filters, in the terms of transformers' logits warpers; each is applied alone.

    Temperature comes first, as in transformers: top_p and min_p look at the probabilities after it.
    """

    top_k: int
    top_p: float
    min_p: float


@record
class Sorted:
    """Logits in falling order: what every filter keeps is a first part of it.

    Attributes:
        logits: [n, vocabulary], each row sorted.
        places: int64 [n, ids], where the chosen ids stand in their row.
    """

    logits: Any
    places: Any


def sort_logits(logits: Any, chosen: Any) -> Sorted:  # noqa: ANN401 - tensors
    """Sort each row [n, vocabulary]; `chosen` is bool [vocabulary]."""
    values, order = logits.sort(dim=-1, descending=True)
    # One row of places after the other: every row has as many chosen ids.
    places = chosen[order].nonzero()[:, 1].reshape(logits.shape[0], -1)
    return Sorted(values, places)


def masses(rows: Sorted, temperature: float, filters: Filters) -> dict[str, Any]:
    """Mass on the chosen ids under each filter, float [n]; "none" is without any.

    top_k keeps the k highest logits and what ties with the last of them; top_p (nucleus) keeps the most
    likely tokens while the mass before them is below `top_p`; min_p keeps tokens of at least `min_p` times
    the highest probability. The most likely token always stays.
    """
    import torch

    p = (rows.logits / temperature).softmax(-1)
    total = p.cumsum(-1)
    width = p.shape[-1]
    last = rows.logits[:, min(filters.top_k, width) - 1, None]
    kept = {
        "none": torch.full_like(rows.places[:, :1], width) if rows.places.shape[1] else None,
        "top_k": (rows.logits >= last).sum(-1, keepdim=True),
        # total[i] is the mass up to and with i, so the first that reaches top_p is the last one kept.
        "top_p": ((total < filters.top_p).sum(-1, keepdim=True) + 1).clamp(max=width),
        "min_p": (p >= p[:, :1] * filters.min_p).sum(-1, keepdim=True),
    }
    chosen = p.gather(-1, rows.places)
    none = torch.zeros_like(p[:, 0])
    return {
        name: none
        if length is None
        else (chosen * (rows.places < length)).sum(-1) / total.gather(-1, length - 1)[:, 0]
        for name, length in kept.items()
    }


def mask_mass(masked_logits: Any, chosen: Any, temperature: float) -> Any:  # noqa: ANN401 - tensors
    """Mass on the chosen ids after a mask, float [n]."""
    return (masked_logits / temperature).softmax(-1)[:, chosen].sum(-1)


def ratio_change(logits: Any, masked_logits: Any, chosen: Any, temperature: float) -> float:  # noqa: ANN401
    """Largest change that a mask makes to log(p_i / p_j), over all pairs of other ids and all rows."""
    plain = (logits / temperature).log_softmax(-1)
    shift = ((masked_logits / temperature).log_softmax(-1) - plain)[:, ~chosen]
    return float((shift.amax(-1) - shift.amin(-1)).max()) if shift.shape[1] else float("nan")
