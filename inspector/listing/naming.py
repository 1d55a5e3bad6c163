"""What rows are called, for millions of them: Python's values of a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rowscope.inspector.evidence import MatrixEvidence

Texts = NDArray[np.object_]

_AT_ONCE: Final = 1 << 16
"""Rows of which Python's values are held together."""


def constant(value: Any, rows: int) -> Texts:  # noqa: ANN401 - a column's value
    """The same value for each of n rows, of dtype object: read-only, and no longer in memory than one."""
    return np.broadcast_to(np.array(value, dtype=object), (rows,))


def spelt(ids: NDArray[np.int64], vocabulary: Vocabulary | None) -> tuple[Texts, Texts]:
    """Token and text of each of the ids [n], None where it has none."""
    if vocabulary is None:
        return constant(None, ids.size), constant(None, ids.size)
    token, text = np.full((2, ids.size), None, dtype=object)
    for start in range(0, ids.size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        token[part], text[part] = vocabulary.spelt(ids[part].tolist())
    return token, text


def recipes_of(ids: NDArray[np.int64], found: MatrixEvidence) -> Texts:
    """How each of the ids [n] was made, in words; None for those that are not fresh."""
    if not found.recipes:
        return constant(None, ids.size)
    words = np.full(ids.size, None, dtype=object)
    made = np.fromiter(found.recipes, dtype=np.int64, count=len(found.recipes))
    for at in np.flatnonzero(np.isin(ids, made)).tolist():
        words[at] = found.recipes[int(ids[at])].words
    return words
