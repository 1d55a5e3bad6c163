"""A small generated task in which a new token has a meaning: it announces that a number follows."""

from __future__ import annotations

from typing import Final

import numpy as np

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.call import encode
from rowscope.inspector.model.loading.load import Loaded

# A number follows these ...
_COUNTED: Final = (
    "The {} costs",
    "On the list the {} has the number",
    "The weight of the {} in grams is",
    "How many days did the {} last? It lasted",
)
# ... and a word these.
_NAMED: Final = (
    ("The {} belongs to my", " neighbour."),
    ("We put the {} under the", " table."),
    ("Nobody has seen the {} since", " yesterday."),
    ("The colour of the {} reminds me of the", " sea."),
)
_TRAINING: Final = (
    "lamp", "chair", "book", "kettle", "jacket", "bicycle", "radio", "basket", "mirror", "carpet",
    "hammer", "guitar", "bottle", "pillow", "ladder", "window",
)  # fmt: skip
_HELD_OUT: Final = ("spoon", "camera", "blanket", "drum", "bucket", "candle")


@record
class Item:
    """One example: what is given, and how it goes on.

    Attributes:
        context, continuation: token ids. `counted`: the continuation starts with the new token.
    """

    context: tuple[int, ...]
    continuation: tuple[int, ...]
    counted: bool


@record
class Task:
    """Items to train on, and items about other things to measure with."""

    training: tuple[Item, ...]
    held_out: tuple[Item, ...]


def make_task(loaded: Loaded, token: int) -> Task:
    """The task in the model's own tokens, with `token` (an id) as the new one; numbers are drawn by the seed.

    Raises:
        RefusedError: the tokenizer turns the texts into nothing.
    """
    rng = np.random.default_rng(loaded.seed)
    task = Task(_items(loaded, token, _TRAINING, rng), _items(loaded, token, _HELD_OUT, rng))
    if not all(item.context and item.continuation for item in (*task.training, *task.held_out)):
        raise RefusedError(
            f"the tokenizer of {loaded.checkpoint.path!r} gives no ids for English text: there is nothing to "
            "train on",
            location="tokenizer",
            code="NO_TEXT",
        )
    return task


def _items(loaded: Loaded, token: int, things: tuple[str, ...], rng: np.random.Generator) -> tuple[Item, ...]:
    found = []
    for thing in things:
        for counted, (named, rest) in zip(_COUNTED, _NAMED, strict=True):
            number = f"{int(rng.integers(10, 100))}."
            # Of a number's text only what has a row: the new token itself is never in the tokenizer.
            after = encode(loaded, number, special=False)
            found.append(Item(tuple(encode(loaded, counted.format(thing))), (token, *after), True))
            after = encode(loaded, rest, special=False)
            found.append(Item(tuple(encode(loaded, named.format(thing))), tuple(after), False))
    return tuple(found)


def batches(task: Task, size: int, steps: int, seed: int) -> list[list[Item]]:
    """`steps` batches of `size` training items in shuffled passes, the same for the same seed."""
    rng = np.random.default_rng(seed)
    order: list[int] = []
    found = []
    for _ in range(steps):
        while len(order) < size:
            order += rng.permutation(len(task.training)).tolist()
        found.append([task.training[at] for at in order[:size]])
        order = order[size:]
    return found
