"""Which rows an added token may have been made of: those of the pieces of its own text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence.look import Ids, among
from rowscope.inspector.frozen import record
from rowscope.inspector.rows import RowReader
from rowscope.inspector.vocabulary import Vocabulary, byte_level_spelling, ids_of

# Tokens that were added last: a checkpoint may have thousands, and each costs some dozen rows.
_TOKENS: Final = 64
_LONGEST: Final = 40
_MOST: Final = 64
# A row within this part of its norm of what its pieces span was made of them; trained rows keep far away,
# for the pieces span at most a quarter of all directions.
_REST: Final = 0.02
_WEIGHT: Final = 0.05
_RIDGE: Final = 1e-9


@record
class Pieces:
    """Ids of tokens whose text occurs in an added token's, the longest first, by the added token's id."""

    donors: Mapping[int, Ids]

    @property
    def ids(self) -> Ids:
        return np.array(sorted(self.donors), dtype=np.int64)

    def of(self, ids: Ids) -> Pieces:
        """Those of the tokens `ids` alone."""
        return Pieces({id: self.donors[id] for id in among(self.ids, ids).tolist()})


def pieces_of(vocabulary: Vocabulary | None, added: Ids, rows: int) -> Pieces:
    """Possible pieces of the last of the added tokens (sorted ids) among ids below `rows`."""
    if vocabulary is None:
        return Pieces({})
    some = [int(id) for id in added[-_TOKENS:] if len(vocabulary.tokens.get(int(id), "")) <= _LONGEST]
    spellings = {id: _spellings(vocabulary, vocabulary.tokens[id]) for id in some}
    wanted = set().union(*spellings.values()) if spellings else set()
    found = ids_of(vocabulary.tokens, wanted) if wanted else {}
    donors = {}
    for id, spelled in spellings.items():
        ids = {other for token in spelled for other in found.get(token, ()) if other < rows and other != id}
        # Longer pieces first: a tokenizer prefers them, and the number is bounded.
        ranked = sorted(ids, key=lambda other: (-len(vocabulary.tokens[other]), other))
        donors[id] = np.array(ranked[:_MOST], dtype=np.int64)
    return Pieces({id: ids for id, ids in donors.items() if ids.size})


def _spellings(vocabulary: Vocabulary, text: str) -> set[str]:
    """Every part of a text as a token may be stored: plain, byte-level, inside a word; at its start also
    behind a space."""
    cased = {text, text.lower()}
    if vocabulary.byte_level:
        spelled = [[byte_level_spelling(character.encode()) for character in t] for t in cased]
        space = byte_level_spelling(b" ")
        parts = {"".join(t[a:b]) for t in spelled for a, b in _ends(len(t))}
        return parts | {space + "".join(t[:b]) for t in spelled for b in range(1, len(t) + 1)}
    parts = {t[a:b] for t in cased for a, b in _ends(len(t))}
    first = {"▁" + t[:b] for t in cased for b in range(1, len(t) + 1)}
    return parts | {"##" + part for part in parts} | first


def _ends(length: int) -> Iterator[tuple[int, int]]:
    """Where every part of a text starts and stops."""
    return ((a, b) for a in range(length) for b in range(a + 1, length + 1))


def donors_of(reader: RowReader, id: int, donors: Ids) -> tuple[int, ...]:
    """Those of `donors` whose rows make up the row `id` as a weighted sum; none where they do not."""
    count = min(donors.size, reader.width // 4)
    if not count:
        return ()
    donors = np.sort(donors[:count])
    row = reader.decode(np.array([id], dtype=np.int64))[0]
    basis = reader.decode(donors)
    kept = np.isfinite(basis).all(axis=1) & (np.abs(basis).max(axis=1) > 0)
    size = float(np.linalg.norm(row))
    if not kept.any() or not size > 0:
        return ()
    basis = basis[kept]
    # The normal equations: the decomposition of the long matrix wakes threads for little work.
    gram = basis @ basis.T
    weights = np.linalg.solve(gram + _RIDGE * np.trace(gram) * np.eye(len(gram)), basis @ row)
    if _norm(weights @ basis - row) > _REST * size:
        return ()
    return tuple(donors[kept][weights > _WEIGHT * np.abs(weights).max()].tolist())


def _norm(values: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(values))
