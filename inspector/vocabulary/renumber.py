"""A vocabulary under other numbers: what the rows of a table are called that holds a part of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from rowscope.inspector.vocabulary.model import Vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def renumbered(vocabulary: Vocabulary, ids: NDArray[np.int64]) -> Vocabulary:
    """The vocabulary of a table whose row i is the token `ids[i]`, int64 [rows].

    Rows whose token the vocabulary does not have are unmapped, as they would be in the whole table.
    """
    rows = {row: id for row, id in enumerate(ids.tolist()) if id in vocabulary.tokens}
    tokens = {row: vocabulary.tokens[id] for row, id in rows.items()}
    return dataclasses.replace(
        vocabulary,
        entries=len(tokens),
        max_id=max(tokens, default=None),
        tokens=tokens,
        added={
            row: dataclasses.replace(vocabulary.added[id], id=row)
            for row, id in rows.items()
            if id in vocabulary.added
        },
        special_ids=frozenset(row for row, id in rows.items() if id in vocabulary.special_ids),
    )
