"""Where a probed id stands in the input: alone, and inside a carrier sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.call import encode
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.loading.prompts import CARRIER

Ids = NDArray[np.int64]


@record
class Frame:
    """A sequence with a gap.

    Attributes:
        name: "alone" or "carrier".
        ids: the sequence, with any id in the gap.
        slot: position of the gap.
        read: position whose prediction is measured: the last one, a mask token's in a masked model, the
            first of the decoder in an encoder-decoder.
    """

    name: str
    ids: tuple[int, ...]
    slot: int
    read: int

    def fill(self, subjects: Ids) -> Ids:
        """One sequence for each id, int64 [n, tokens]."""
        rows = np.tile(np.asarray(self.ids, dtype=np.int64), (subjects.size, 1))
        rows[:, self.slot] = subjects
        return rows


def frames(loaded: Loaded) -> tuple[Frame, Frame]:
    """Alone (the id and nothing else, as in a bare call of the model), and inside the carrier sentence."""
    before, after = encode(loaded, CARRIER[0]), encode(loaded, CARRIER[1], special=False)
    if loaded.kind != "masked":
        whole = (*before, 0, *after)
        return (
            Frame("alone", (0,), 0, 0),
            Frame("carrier", whole, len(before), 0 if loaded.kind == "seq2seq" else len(whole) - 1),
        )
    mask = _mask_id(loaded)
    # Tokenizers of masked models end a text with a separator, which belongs behind the mask.
    closing = before[-1:] if before and before[-1] in _specials(loaded) else []
    before = before[: len(before) - len(closing)]
    opening = before[:1] if before and before[0] in _specials(loaded) else []
    tail = [*([] if mask is None else [mask]), *closing]
    alone = (*opening, 0, *tail)
    whole = (*before, 0, *after, *tail)
    back = len(closing) + 1
    return (
        Frame("alone", alone, len(opening), len(opening) if mask is None else len(alone) - back),
        Frame("carrier", whole, len(before), len(before) if mask is None else len(whole) - back),
    )


def _mask_id(loaded: Loaded) -> int | None:
    value: Any = getattr(loaded.tokenizer, "mask_token_id", None)
    return value if isinstance(value, int) and value < loaded.input_rows else None


def _specials(loaded: Loaded) -> frozenset[int]:
    vocabulary = loaded.subject.vocabulary
    return frozenset() if vocabulary is None else vocabulary.special_ids
