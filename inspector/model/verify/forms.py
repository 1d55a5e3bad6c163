"""A question in a model's own ids: where the gaps are, and where the answer is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.call import encode, start_token
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.verify.questions import GAP, Part, Question

Ids = NDArray[np.int64]
Gapped = tuple[int | None, ...]

# A tokenizer may put a space before a text's first word: what continues a line is encoded behind this.
_ANCHOR = "x"


@record
class Form:
    """A question as ids; None where the token stands.

    Attributes:
        reads: what the model (or its encoder) reads.
        writes: what the decoder of an encoder-decoder has written; () for other models.
        at: position whose prediction is looked at, in `writes` where there are some.
    """

    reads: Gapped
    writes: Gapped
    at: int

    @property
    def shared(self) -> tuple[int, ...]:
        """What all tokens' sequences begin with: the ids read before the first gap."""
        cut = self.reads.index(GAP) if GAP in self.reads else len(self.reads)
        return tuple(id for id in self.reads[:cut] if id is not None)


def fill(gapped: Gapped, ids: Ids) -> Ids:
    """One sequence for each id, int64 [n, len(gapped)]."""
    rows = np.tile(np.array([-1 if id is None else id for id in gapped], dtype=np.int64), (ids.size, 1))
    return np.where(rows < 0, ids[:, None], rows)


def make_form(loaded: Loaded, question: Question) -> Form:
    """The question in the tokenizer's ids, with the special tokens that it puts around a text.

    Raises:
        RefusedError: (NO_TOKENIZER) there is none; (NO_MASK) a masked model without a mask token;
            (NO_TEXT) the tokenizer gives no ids for the text.
    """
    _need_tokenizer(loaded)
    opening, closing = _around(loaded)
    read = tuple(_parts(loaded, question.reads))
    written = tuple(_parts(loaded, question.writes))
    if not any(id is not None for id in (*read, *written)):
        raise _refused(loaded, "gives no ids for English text: nothing can be asked", "NO_TEXT")
    if loaded.kind == "seq2seq":
        writes = (start_token(loaded), *written)
        return Form((*opening, *read, *closing), writes, len(writes) - 1)
    whole = (*opening, *read, *written)
    if loaded.kind == "masked":
        tail = tuple(_parts(loaded, (question.tail,)))
        return Form((*whole, _mask(loaded), *tail, *closing), (), len(whole))
    return Form(whole, (), len(whole) - 1)


def _parts(loaded: Loaded, parts: Iterable[Part]) -> Iterator[int | None]:
    anchor = encode(loaded, _ANCHOR, special=False)
    for number, part in enumerate(parts):
        if part is None:
            yield GAP
            continue
        plain = encode(loaded, part, special=False)
        behind = encode(loaded, _ANCHOR + part, special=False)
        continues = number > 0 and anchor and behind[: len(anchor)] == anchor
        yield from behind[len(anchor) :] if continues else plain


def _around(loaded: Loaded) -> tuple[list[int], list[int]]:
    """Special tokens that the tokenizer puts before and behind a text."""
    bare, full = encode(loaded, _ANCHOR, special=False), encode(loaded, _ANCHOR)
    starts = range(len(full) - len(bare) + 1)
    at = next((at for at in starts if full[at : at + len(bare)] == bare), None)
    return ([], []) if at is None else (full[:at], full[at + len(bare) :])


def _need_tokenizer(loaded: Loaded) -> None:
    if loaded.tokenizer is None:
        raise RefusedError(
            f"{loaded.checkpoint.path!r} has no tokenizer that transformers loads: the model cannot be asked "
            "in words; put its tokenizer files beside the weights",
            location="tokenizer",
            code="NO_TOKENIZER",
        )


def _mask(loaded: Loaded) -> int:
    value = getattr(loaded.tokenizer, "mask_token_id", None)
    if not isinstance(value, int) or value >= loaded.input_rows:
        raise _refused(
            loaded,
            "names no mask token, which a masked model fills in; name it in tokenizer_config.json",
            "NO_MASK",
        )
    return value


def _refused(loaded: Loaded, why: str, code: str) -> RefusedError:
    return RefusedError(f"the tokenizer of {loaded.checkpoint.path!r} {why}", location="tokenizer", code=code)
