"""Every row id in exactly one group, and the sizes that should agree, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.frozen import Comparable, record
from rowscope.inspector.matrices import MatrixLayout, config_int
from rowscope.inspector.ranges import Range, to_ranges
from rowscope.inspector.vocabulary import PLACEHOLDER_STARTS, Vocabulary, all_ids, is_placeholder, starting

GROUPS: Final = ("unmapped", "placeholder", "added", "base")
UNMAPPED, PLACEHOLDER, ADDED, BASE = range(4)
RESERVED: Final = (UNMAPPED, PLACEHOLDER)
USED: Final = (ADDED, BASE)

# What the wider names cover, for `--group` and for the tables.
GROUP_MEMBERS: Final[Mapping[str, tuple[int, ...]]] = {
    "used": USED,
    "reserved": RESERVED,
    "unmapped": (UNMAPPED,),
    "placeholder": (PLACEHOLDER,),
    "added": (ADDED,),
    "base": (BASE,),
}

_EXAMPLES = 5


@record
class GroupCensus:
    """One group: how many ids, where, and the first few tokens."""

    count: int
    ranges: tuple[Range, ...]
    examples: tuple[str, ...]
    texts: tuple[str | None, ...] = ()


@record
class IdSet:
    """A set of ids, by count and half-open ranges."""

    count: int
    ranges: tuple[Range, ...]


@record
class TokenizerFacts:
    """Sizes of the tokenizer: `entries` = len(tokenizer), `base_size` = tokenizer.vocab_size."""

    kind: str
    files: tuple[str, ...]
    base_size: int
    entries: int
    max_id: int | None
    added: int
    special: int


@record
class OutOfRange:
    """A tokenizer id that has no row."""

    id: int
    token: str
    text: str | None = None


@record(eq=False)
class Census(Comparable):
    """Sizes and groups of a checkpoint's vocabulary; None where a source is absent.

    Attributes:
        codes: int8 [rows], the group of every row id, an index into `GROUPS`. Without tokenizer files
            every row is `base`: nothing is known to be reserved.
    """

    config_vocab_size: int | None
    hidden_size: int | None
    tokenizer: TokenizerFacts | None
    input_rows: int | None
    output_rows: int | None
    output_bias: bool
    tied: bool
    tie_source: str
    groups: Mapping[str, GroupCensus]
    reserved: IdSet
    used: IdSet
    holes: IdSet
    out_of_range: tuple[OutOfRange, ...]
    codes: NDArray[np.int8]

    def __repr__(self) -> str:
        return f"<Census: {self.rows:,} rows, {self.used.count:,} used, {self.reserved.count:,} reserved>"

    @property
    def rows(self) -> int:
        return int(self.codes.shape[0])

    def ids(self, group: str) -> NDArray[np.int64]:
        """Sorted int64 ids of a group: one of `GROUP_MEMBERS`."""
        return np.flatnonzero(np.isin(self.codes, GROUP_MEMBERS[group])).astype(np.int64)


def group_codes(rows: int, vocabulary: Vocabulary | None) -> NDArray[np.int8]:
    """Group of every row id, int8 [rows]; `base` throughout where there is no tokenizer."""
    if vocabulary is None:
        return np.full(rows, BASE, dtype=np.int8)
    codes = np.full(rows, UNMAPPED, dtype=np.int8)
    codes[_within(all_ids(vocabulary.tokens), rows)] = BASE
    codes[_within(np.fromiter(vocabulary.added, dtype=np.int64), rows)] = ADDED
    # The first character alone rules nearly every token out; a vocabulary has 150,000 of them and more.
    named = starting(vocabulary.tokens, PLACEHOLDER_STARTS)
    placeholders = [id for id, token in named if is_placeholder(token)]
    codes[_within(np.array(placeholders, dtype=np.int64), rows)] = PLACEHOLDER
    return codes


def _within(ids: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    return ids[(ids >= 0) & (ids < rows)]


def take_census(
    layout: MatrixLayout, vocabulary: Vocabulary | None, config: Mapping[str, Any] | None
) -> Census:
    """Put the sizes of config, tokenizer and matrices side by side and give every row id its group."""
    source, target = layout.of_role("input"), layout.of_role("output")
    rows = max((m.rows for m in layout.matrices), default=0)
    codes = group_codes(rows, vocabulary)
    max_id = vocabulary.max_id if vocabulary else None
    unmapped = np.flatnonzero(codes == UNMAPPED)
    return Census(
        config_vocab_size=layout.vocab.size if layout.vocab else config_int(config, "vocab_size"),
        hidden_size=config_int(config, "hidden_size", "d_model", "n_embd", "dim"),
        tokenizer=_tokenizer_facts(vocabulary),
        input_rows=source.rows if source else None,
        output_rows=target.rows if target else None,
        output_bias=layout.output_bias is not None,
        tied=layout.tied,
        tie_source=layout.tie_source,
        groups={name: _group(codes, code, vocabulary) for code, name in enumerate(GROUPS)},
        reserved=_id_set(np.flatnonzero(np.isin(codes, RESERVED))),
        used=_id_set(np.flatnonzero(np.isin(codes, USED))),
        holes=_id_set(unmapped[unmapped < max_id] if max_id is not None else unmapped[:0]),
        out_of_range=_out_of_range(rows, vocabulary),
        codes=codes,
    )


def _tokenizer_facts(vocabulary: Vocabulary | None) -> TokenizerFacts | None:
    if vocabulary is None:
        return None
    return TokenizerFacts(
        kind=vocabulary.kind,
        files=vocabulary.files,
        base_size=vocabulary.base_size,
        entries=vocabulary.entries,
        max_id=vocabulary.max_id,
        added=len(vocabulary.added),
        special=len(vocabulary.special_ids),
    )


def _group(codes: NDArray[np.int8], code: int, vocabulary: Vocabulary | None) -> GroupCensus:
    ids = np.flatnonzero(codes == code)
    tokens = vocabulary.tokens if vocabulary else {}
    named = [id for id in ids[:_EXAMPLES].tolist() if id in tokens]
    texts = tuple(vocabulary.text(id) if vocabulary else None for id in named)
    return GroupCensus(int(ids.size), to_ranges(ids), tuple(tokens[id] for id in named), texts)


def _id_set(ids: NDArray[np.int64]) -> IdSet:
    return IdSet(int(ids.size), to_ranges(ids))


def _out_of_range(rows: int, vocabulary: Vocabulary | None) -> tuple[OutOfRange, ...]:
    if vocabulary is None or rows == 0 or (vocabulary.max_id or 0) < rows:
        return ()
    return tuple(
        OutOfRange(id, token, vocabulary.text(id))
        for id, token in sorted(vocabulary.tokens.items())
        if id >= rows
    )
