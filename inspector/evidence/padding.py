"""Tokens that were added inside of the padding and still hold what the padding holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import ADDED, BASE, UNMAPPED
from rowscope.inspector.evidence.facts import MatrixFacts
from rowscope.inspector.evidence.model import FRESH, TRAINED, VERDICTS


def kept_padding(item: MatrixFacts) -> NDArray[np.int64]:
    """Added tokens, int64 ids, sorted, that lie between the ordinary ones and the padding, untrained like it.

    A token that is added where a row exists already gets no start value: no resize takes place, and its row
    stays what it was. The padding are the unmapped rows behind the last ordinary token; like it is who has
    the verdict of most of them. Tokens that no step has trained since the beginning look the same.
    """
    codes, verdict = item.codes, item.evidence.verdict
    last = int(np.flatnonzero(codes == BASE).max(initial=-1))
    padding = np.flatnonzero(codes == UNMAPPED)
    padding = padding[padding > last]
    if not padding.size:
        return padding
    usual = int(np.bincount(verdict[padding], minlength=len(VERDICTS)).argmax())
    if usual in (TRAINED, FRESH):
        return padding[:0]
    added = np.flatnonzero((codes == ADDED) & (verdict == usual))
    return np.asarray(added[(added > last) & (added < padding[-1])], dtype=np.int64)
