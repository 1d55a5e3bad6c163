"""The entries of a vocabulary that was read by columns, as mappings; they become objects only if need be."""

from __future__ import annotations

from collections.abc import Collection, ItemsView, Iterator, KeysView, Mapping, ValuesView
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rowscope.inspector.vocabulary.columns import Integers, Lines

MOST_SINGLES = 5_000
"""Tokens that are looked up one by one; who asks for more is likely to want all: a dict gives them faster."""


class WrittenIds(Mapping[str, int]):
    """Token -> id."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def __getitem__(self, token: str) -> int:
        position = self.lines.find(token)
        if position is None:
            raise KeyError(token)
        return int(self.lines.ids[position])

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines.all)

    def __len__(self) -> int:
        return int(self.lines.ids.size)


class WrittenTokens(Mapping[int, str]):
    """Id -> token; of two tokens with one id the later one. `over` are tokens that count before those."""

    def __init__(self, lines: Lines, over: Mapping[int, str] = MappingProxyType({})) -> None:
        self.lines = lines
        self.over = over
        self._singles = MOST_SINGLES

    def __getitem__(self, id: int) -> str:
        if self._singles <= 0:
            return self._all[id]
        self._singles -= 1
        if id in self.over:
            return self.over[id]
        position = self.lines.position_of(id)
        if position is None:
            raise KeyError(id)
        return self.lines.token(position)

    def __iter__(self) -> Iterator[int]:
        return iter(self._all)

    def __len__(self) -> int:
        return int(self.ids.size)

    def keys(self) -> KeysView[int]:
        return self._all.keys()

    def items(self) -> ItemsView[int, str]:
        return self._all.items()

    def values(self) -> ValuesView[str]:
        return self._all.values()

    @cached_property
    def ids(self) -> Integers:
        """The ids that have a token, sorted int64."""
        import numpy as np

        from rowscope.inspector.vocabulary.columns import distinct

        more = np.fromiter(self.over, dtype=np.int64, count=len(self.over))
        return (
            distinct(np.concatenate((self.lines.distinct_ids, more)))
            if more.size
            else self.lines.distinct_ids
        )

    def starting(self, characters: Collection[str]) -> list[tuple[int, str]]:
        """The entries whose token starts with one of these ASCII characters, and some others."""
        import numpy as np

        firsts = np.frombuffer(self.lines.text, dtype=np.uint8)[self.lines.starts]
        wanted = np.zeros(256, dtype=np.bool_)
        wanted[[ord(character) for character in characters]] = True
        positions = np.flatnonzero(wanted[firsts]).tolist()
        escaped = self.lines.escaped.items()
        positions += [position for position, token in escaped if token[:1] in characters]
        ids = {*self.lines.ids[positions].tolist(), *self.over}
        return [(id, self[id]) for id in ids]

    def ids_of(self, wanted: Collection[str]) -> dict[str, list[int]]:
        """The ids of each of the wanted tokens that is there, ascending."""
        found: dict[str, set[int]] = {}
        for token in {*self.lines.met(wanted), *filter(self.lines.escapes, wanted)}:
            position = self.lines.find(token)
            if position is not None and self.get(int(self.lines.ids[position])) == token:
                found.setdefault(token, set()).add(int(self.lines.ids[position]))
        for id, token in self.over.items():
            if token in wanted:
                found.setdefault(token, set()).add(id)
        return {token: sorted(ids) for token, ids in found.items()}

    @cached_property
    def _all(self) -> dict[int, str]:
        found = self.lines.all
        return dict(zip(found.values(), found.keys(), strict=True)) | dict(self.over)
