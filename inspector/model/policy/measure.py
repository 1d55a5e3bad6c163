"""The mass on the probed ids at fixed positions, and its derivative along a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.call import spans
from rowscope.inspector.model.policy.gradient import wide
from rowscope.inspector.model.policy.head import OutputHead, carried_back

Floats = NDArray[np.float64]


@record
class Look:
    """One place at one moment.

    Attributes:
        masses: float64 [temperatures, positions]. logit: mean logit of the probed ids over ids and positions.
    """

    masses: Floats
    logit: float


def look(
    head: OutputHead, places: Mapping[str, Any], ids: Sequence[int], temperatures: Sequence[float]
) -> dict[str, Look]:
    """Masses on `ids` and their mean logit at each place [positions, d]."""
    import torch

    found = {}
    for name, hidden in places.items():
        parts, logits = [], []
        for block in _blocks(head, hidden):
            z = wide(head.logits(block)[1][0])
            chosen = torch.as_tensor(ids, device=z.device)
            parts.append([(z / t).softmax(-1)[:, chosen].sum(-1).cpu().numpy() for t in temperatures])
            logits.append(z[:, chosen].mean(-1).cpu().numpy())
        found[name] = Look(np.concatenate(parts, axis=1), float(np.concatenate(logits).mean()))
    return found


def slope(
    head: OutputHead,
    places: Mapping[str, Any],
    ids: Sequence[int],
    temperatures: Sequence[float],
    step: Any,  # noqa: ANN401 - tensor
) -> dict[str, Look]:
    """The derivative of what `look` finds along a step D [vocabulary, d] of the output matrix.

    dz_i = D_i h, and by the softmax's derivative at temperature T, with m the mass on the ids R,
    dm = sum_i p_i ([i in R] - m) dz_i / T.
    """
    import torch

    found = {}
    for name, hidden in places.items():
        parts, logits = [], []
        for block in _blocks(head, hidden):
            raw, z = head.logits(block, graph=True)
            moved = wide(block @ step.T)
            values = wide(z[0].detach())
            inside = torch.zeros_like(values[:1])
            inside[:, torch.as_tensor(ids, device=values.device)] = 1.0
            own = []
            for t in temperatures:
                p = (values / t).softmax(-1)
                factor = p * (inside - (p * inside).sum(-1, keepdim=True)) / t
                own.append((wide(carried_back(raw, z, factor)) * moved).sum(-1).cpu().numpy())
            parts.append(own)
            share = inside.expand_as(values) / len(ids)
            logits.append((wide(carried_back(raw, z, share)) * moved).sum(-1).cpu().numpy())
        found[name] = Look(np.concatenate(parts, axis=1), float(np.concatenate(logits).mean()))
    return found


def _blocks(head: OutputHead, hidden: Any) -> Any:  # noqa: ANN401 - tensors
    return [hidden[span] for span in spans(len(hidden), int(head.weight.shape[0]))]
