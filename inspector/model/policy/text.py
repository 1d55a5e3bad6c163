"""The positions that steps are taken at and mass is measured at, as hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rowscope.inspector.frozen import record
from rowscope.inspector.model.leak.rollouts import Draws
from rowscope.inspector.model.loading.call import encode, shift_right, tensor
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.loading.prompts import Prompt
from rowscope.inspector.model.policy.head import OutputHead, hidden_states


@record
class Drawn:
    """Sampled text.

    Attributes:
        hidden: [tokens, d], what the head multiplies where each token was drawn. ids: int64 [tokens].
    """

    hidden: Any
    ids: Any


def drawn_text(loaded: Loaded, head: OutputHead, rows: Sequence[Draws]) -> Drawn:
    """Rollouts read again, each by itself.

    Raises:
        RefusedError: as `OutputHead.check`.
    """
    import torch

    found: list[Any] = []
    ids: list[int] = []
    for row in rows:
        opening = list(row.opening.ids)
        if loaded.kind == "seq2seq":
            hidden, logits = hidden_states(loaded, opening, shift_right(loaded, tensor(loaded, [row.ids])))
        else:
            hidden, logits = hidden_states(loaded, [*opening, *row.ids[:-1]])
        if not found:
            head.check(hidden, logits)
        found.append(hidden[-len(row.ids) :])
        ids += row.ids
    return Drawn(torch.cat(found), tensor(loaded, ids))


def prompt_places(loaded: Loaded, prompts: Sequence[Prompt], limit: int) -> dict[str, Any]:
    """Hidden states [positions, d] of prompts: "first" and "prompts", without a place that has none.

    Position 0 of an encoder-decoder stands with the others: its encoder has read the whole prompt.
    """
    import torch

    first, later = [], []
    for prompt in prompts:
        ids = encode(loaded, prompt.text)[:limit]
        if not ids:
            continue
        seq2seq = loaded.kind == "seq2seq"
        decoder = shift_right(loaded, tensor(loaded, [ids])) if seq2seq else None
        hidden = hidden_states(loaded, ids, decoder)[0]
        first.append(hidden[: 0 if seq2seq else 1])
        later.append(hidden[0 if seq2seq else 1 :])
    places = {"first": torch.cat(first), "prompts": torch.cat(later)}
    return {name: hidden for name, hidden in places.items() if len(hidden)}
