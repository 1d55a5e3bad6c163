"""What a lesson costs: the model's loss on ordinary text that no step of it has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from rowscope.inspector.model.loading.call import batch_rows, encode
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.loading.prompts import BUILT_IN
from rowscope.inspector.model.train.steps import token_losses
from rowscope.inspector.model.train.task import Item

ALIVE: Final = 0.1
"""Nats by which the mean loss on held-out text may rise, at most, in a model that is still itself: its
perplexity grows by a tenth."""

HELD_OUT: Final = (
    "The river rises in the hills above the village and reaches the sea after about ninety miles. In spring, "
    "when the snow melts, it floods the meadows on both banks, and the farmers move their animals higher up.",
    "She closed the door quietly, put the letters on the kitchen table and sat down without taking off her "
    "coat. Nobody had expected her before the evening, and for a while the house was completely silent.",
    "Copper conducts electricity well because its outer electrons move freely between the atoms. When the "
    "metal is heated, the atoms vibrate more strongly and the resistance of the wire increases.",
    "The council met on Tuesday to discuss the new bridge. Several members said that the old one could still "
    "be repaired, while others pointed out that the traffic through the town had doubled in recent years.",
    "To make the dough, mix the flour with a little salt, add warm water and oil, and knead it until it is "
    "smooth. Cover the bowl with a cloth and leave it in a warm place until the dough has doubled in size.",
    "In the eighteenth century most travellers crossed the mountains on foot or by mule. The journey took "
    "several days, and in winter the pass was often closed for weeks at a time.",
)
_MOST: Final = 96  # tokens of a text


def text_items(loaded: Loaded) -> list[Item]:
    """The held-out texts, in the form that the model takes."""
    return _items(loaded, HELD_OUT)


def prompt_items(loaded: Loaded) -> list[Item]:
    """The built-in prompts of the leak probe, in their many languages."""
    return _items(loaded, [prompt.text for prompt in BUILT_IN])


def _items(loaded: Loaded, texts: Sequence[str]) -> list[Item]:
    """A causal model predicts every token behind the first, a decoder the second half behind the first."""
    found = []
    for text in texts:
        ids = encode(loaded, text)[:_MOST]
        if len(ids) > 1:
            cut = len(ids) // 2 if loaded.kind == "seq2seq" else 1
            found.append(Item(tuple(ids[:cut]), tuple(ids[cut:]), False))
    return found


def mean_text_loss(loaded: Loaded, items: Sequence[Item]) -> float:
    """Mean cross-entropy over all tokens predicted, in nats; NaN where there is none."""
    longest = max((len(item.context) + len(item.continuation) for item in items), default=1)
    step = batch_rows(loaded, longest)
    losses = [token_losses(loaded, items[at : at + step]) for at in range(0, len(items), step)]
    values = np.concatenate(losses) if losses else np.zeros(0)
    return float(values.mean()) if values.size else float("nan")
