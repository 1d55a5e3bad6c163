"""Why a table has as many rows as it has: ids rounded up to what hardware and training code pad to."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.frozen import record
from rowscope.inspector.text import Said, joined, say
from rowscope.inspector.vocabulary import Vocabulary, all_ids

STEPS: Final = (64, 128, 256, 512, 1024, 2048, 4096)
"""Multiples that training code pads rows to: 64 and 128 for the hardware, and 128 for each of 2 to 32
tensor-parallel ranks (Megatron's `--make-vocab-size-divisible-by` times its parallel size)."""


@record
class Rounding:
    """How the rows of the input matrix come from the ids of the tokenizer.

    Attributes:
        rows: of the input matrix.
        ids: the tokenizer's largest id + 1; smaller than `rows`.
        multiples: those of `STEPS` to which `ids` rounded up gives `rows`; () where none does.
        divisor: the largest of `STEPS` that divides `rows`, None where none does.
        beyond: rows beyond `ids` rounded up to a multiple of 128, or of 64 where 128 divides not `rows`; 0
            where `multiples` says it all or nothing divides `rows`.
    """

    rows: int
    ids: int
    multiples: tuple[int, ...]
    divisor: int | None
    beyond: int

    @property
    def sentence(self) -> str | None:
        """For people, `Why 152,064 rows: …`; None where no rounding explains them."""
        if self.multiples:
            return self._rounded(*self.multiples)
        if self.divisor is None:
            return None
        return say(
            "Why {rows} rows: a multiple of {step}, yet {beyond} rows more than the {ids} ids rounded up "
            "to one.",
            rows=self.rows,
            step=min(self.divisor, 128),
            beyond=self.beyond,
            ids=self.ids,
        )

    def _rounded(self, first: int, *others: int) -> Said:
        said = say(
            "the {ids} ids rounded up to a multiple of {step} (as well as of {others})"
            if others
            else "the {ids} ids rounded up to a multiple of {step}",
            ids=self.ids,
            step=first,
            others=joined(", ", map(str, others)),
        )
        if first > 128:
            said = say("{rounded}, as for {ranks} tensor-parallel ranks", rounded=said, ranks=first // 128)
        return say("Why {rows} rows: {rounded}.", rows=self.rows, rounded=said)


def take_rounding(vocabulary: Vocabulary | None, rows: int) -> Rounding | None:
    """None without a tokenizer, and where no row lies beyond the largest id."""
    known = None if vocabulary is None else all_ids(vocabulary.tokens)
    ids = 0 if known is None or not known.size else int(known.max()) + 1
    if not 0 < ids < rows:
        return None
    multiples = tuple(step for step in STEPS if _up(ids, step) == rows)
    divisor = next((step for step in reversed(STEPS) if rows % step == 0), None)
    beyond = 0 if multiples or divisor is None else rows - _up(ids, min(divisor, 128))
    return Rounding(rows, ids, multiples, divisor, beyond)


def _up(ids: int, step: int) -> int:
    return -(-ids // step) * step
