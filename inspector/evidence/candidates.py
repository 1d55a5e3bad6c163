"""Rows believed untrained before any number is looked at: no hand-kept list of models."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import union
from rowscope.inspector.census import ADDED, PLACEHOLDER, UNMAPPED
from rowscope.inspector.frozen import record
from rowscope.inspector.text import joined, say, template
from rowscope.inspector.vocabulary import Vocabulary, byte_level_spelling, ids_of

# UTF-8 never contains these bytes (RFC 3629): 0xC0 and 0xC1 would be overlong, 0xF5.. exceed U+10FFFF.
IMPOSSIBLE_BYTES: Final = (0xC0, 0xC1, *range(0xF5, 0x100))


UNLISTED: Final = "unmapped"
"""Unmapped rows between entries of the tokenizer files ..."""
BEHIND: Final = "behind"
"""... and behind the last of them."""


@record
class Candidates:
    """Ids (sorted int64) by why they are believed untrained; `entries` is one more than the last mapped id.

    `added` is no such belief: added tokens only take part in the search for near-duplicates, because
    never-trained special tokens betray themselves that way.
    """

    unmapped: NDArray[np.int64]
    placeholder: NDArray[np.int64]
    impossible: NDArray[np.int64]
    unreachable: NDArray[np.int64]
    added: NDArray[np.int64]
    entries: int = 0

    @property
    def sources(self) -> dict[str, NDArray[np.int64]]:
        """The beliefs apart, by name; any of them may be wrong.

        Rows behind the last entry are another matter than gaps between entries: a table is often wider than
        its vocabulary, while entries are missing where a file does not list them all.
        """
        behind = self.unmapped >= self.entries
        return {
            "impossible": self.impossible,
            UNLISTED: self.unmapped[~behind],
            BEHIND: self.unmapped[behind],
            "placeholder": self.placeholder,
            "unreachable": self.unreachable,
        }

    @property
    def believed(self) -> NDArray[np.int64]:
        """All of them but `added`, sorted, each once."""
        return union(*self.sources.values())

    def describe(self, ids: NDArray[np.int64]) -> str:
        """How many of `ids` come from which source, each counted once: `271 unmapped rows, 13 …`."""
        named = (
            (self.unmapped, template("{count:# unmapped row|# unmapped rows}")),
            (self.placeholder, template("{count:# placeholder token|# placeholder tokens}")),
            (self.impossible, template("{count:# byte|# bytes} that UTF-8 cannot contain")),
            (self.unreachable, template("{count:# unreachable token|# unreachable tokens}")),
            (self.added, template("{count:# added token|# added tokens}")),
        )
        parts, left = [], ids
        for source, words in named:
            mine = np.isin(left, source)
            if mine.any():
                parts.append(say(words, count=int(mine.sum())))
            left = left[~mine]
        near = say("{count:# near-duplicate row|# near-duplicate rows}", count=int(ids.size))
        return joined(", ", parts) if parts else near


def find_candidates(
    codes: NDArray[np.int8],
    vocabulary: Vocabulary | None,
    unreachable: NDArray[np.int64] | None = None,
) -> Candidates:
    """Candidates among row ids `0 .. len(codes)`; `codes` int8 [rows] as of the census."""
    nothing = np.empty(0, dtype=np.int64)
    if vocabulary is None:
        return Candidates(nothing, nothing, nothing, nothing, nothing)
    return Candidates(
        unmapped=np.flatnonzero(codes == UNMAPPED),
        placeholder=np.flatnonzero(codes == PLACEHOLDER),
        impossible=impossible_bytes(vocabulary, int(codes.size)),
        unreachable=nothing if unreachable is None else np.sort(unreachable),
        added=np.flatnonzero(codes == ADDED),
        entries=int(np.flatnonzero(codes != UNMAPPED)[-1]) + 1 if (codes != UNMAPPED).any() else 0,
    )


def impossible_bytes(vocabulary: Vocabulary, rows: int) -> NDArray[np.int64]:
    """Ids below `rows` of single bytes that UTF-8 cannot contain, in either spelling; sorted int64."""
    spellings: set[str] = set()
    if vocabulary.byte_level:
        spellings |= {byte_level_spelling(bytes([byte])) for byte in IMPOSSIBLE_BYTES}
    if vocabulary.byte_fallback:
        spellings |= {f"<0x{byte:02X}>" for byte in IMPOSSIBLE_BYTES}
    found = ids_of(vocabulary.tokens, spellings) if spellings else {}
    ids = [id for ids in found.values() for id in ids if id < rows]
    return np.array(sorted(ids), dtype=np.int64)


def spare_bytes(vocabulary: Vocabulary, rows: int) -> NDArray[np.int64]:
    """Ids below `rows` of byte-fallback tokens whose character has an entry of its own; sorted int64.

    A tokenizer falls back to bytes only for what it has no entry for: beside `!`, nothing becomes `<0x21>`.
    """
    if not vocabulary.byte_fallback:
        return np.empty(0, dtype=np.int64)
    pairs = {chr(byte): f"<0x{byte:02X}>" for byte in range(0x80)}
    found = ids_of(vocabulary.tokens, {*pairs, *pairs.values()})
    spare = [found[spelt] for character, spelt in pairs.items() if character in found and spelt in found]
    return np.array(sorted(id for ids in spare for id in ids if id < rows), dtype=np.int64)
