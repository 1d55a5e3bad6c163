"""Why a table has as many rows as it has: ids rounded up to what hardware and training code pad to."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.frozen import record
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
        why = self._why()
        return None if why is None else f"Why {self.rows:,} rows: {why}."

    def _why(self) -> str | None:
        if self.multiples:
            first, *others = self.multiples
            also = f" (as well as of {', '.join(map(str, others))})" if others else ""
            ranks = f", as for {first // 128} tensor-parallel ranks" if first > 128 else ""
            return f"the {self.ids:,} ids rounded up to a multiple of {first:,}{also}{ranks}"
        if self.divisor is None:
            return None
        step = min(self.divisor, 128)
        return (
            f"a multiple of {step}, yet {self.beyond:,} rows more than the {self.ids:,} ids rounded up to one"
        )


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
