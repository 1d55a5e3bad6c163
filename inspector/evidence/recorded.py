"""Rows that `rowscope claim` wrote and nothing has changed since: the record proposes, bytes decide."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rowscope.inspector.checkpoint import Checkpoint, ClaimedRow, ClaimRecord
from rowscope.inspector.rows import GATHERED_ROWS, RowReader
from rowscope.inspector.vocabulary import Vocabulary


def recorded_recipes(
    reader: RowReader, checkpoint: Checkpoint, vocabulary: Vocabulary | None
) -> dict[int, str]:
    """Initial values, as `--values` of the claim, of the rows that still hold them, by id.

    Claims make added tokens. An entry for any other row is none of theirs, whatever its bytes: a record that
    came with a download cannot talk down the model's own vocabulary.
    """
    if not checkpoint.claims.rows or vocabulary is None:
        return {}
    tokens = {id: vocabulary.tokens[id] for id in vocabulary.added if id in vocabulary.tokens}
    found = recorded_rows(reader, checkpoint.claims, tokens)
    return {id: row.recipe for id, row in found.items()}


def recorded_rows(
    reader: RowReader, record: ClaimRecord, tokens: Mapping[int, str] | None = None
) -> dict[int, ClaimedRow]:
    """The rows of a record whose stored bytes still hash to what it says, by id.

    The name of the tensor does not count, for conversions rename tensors; its dtype does. With `tokens` an
    entry of another token than theirs is stale and left out.
    """
    wanted: dict[int, list[ClaimedRow]] = {}
    for row in record.rows:
        known = tokens is None or tokens.get(row.id) == row.token
        if known and row.id < reader.rows and row.dtype == reader.stored_dtype:
            wanted.setdefault(row.id, []).append(row)
    ids = np.array(sorted(wanted), dtype=np.int64)
    if not wanted:
        return {}
    import hashlib  # loads OpenSSL, for checkpoints with a record alone

    found = {}
    for start in range(0, ids.size, GATHERED_ROWS):
        some = ids[start : start + GATHERED_ROWS]
        for id, raw in zip(some.tolist(), reader.stored(some), strict=True):
            digest = hashlib.sha256(raw.tobytes()).hexdigest()
            match = next((row for row in wanted[id] if row.sha256 == digest), None)
            if match is not None:
                found[id] = match
    return found
