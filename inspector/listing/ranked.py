"""The rows that look untrained as columns: entries are made when somebody looks at one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import GROUPS
from rowscope.inspector.evidence import CONFIDENCES, VERDICTS
from rowscope.inspector.frozen import Comparable

_AT_ONCE: Final = 4096
"""Rows of which Python's values are held together."""

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "group": GROUPS,
    "verdict": VERDICTS,
    "confidence": CONFIDENCES,
}
"""Columns of codes, and the words that these are indices into."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row that looks untrained.

    `reachable` is None where reachability was not asked for. `cosine`, `centred_cosine`,
    `cosine_without_pc1` and `distance` compare the row with the untrained reference, NaN without one;
    `duplicates` counts the other rows with the same values. `recipe` says how a fresh row was made.
    `verified` is what `probe verify` found ("verified", "weak", "known", "untold") and
    `largest_probability` its number; None where its document was not given or does not speak of the token.
    """

    id: int
    token: str | None
    text: str | None
    group: str
    matrix: str
    verdict: str
    confidence: str
    norm: float
    cosine: float
    centred_cosine: float
    cosine_without_pc1: float
    distance: float
    duplicates: int
    reachable: bool | None
    recipe: str | None = None
    verified: str | None = None
    largest_probability: float | None = None


FIELDS: Final = tuple(field.name for field in dataclasses.fields(Suspect))


@dataclass(frozen=True, eq=False)
class Ranked(Comparable, Sequence[Suspect]):
    """n suspects, in order: a sequence of `Suspect` that takes some 60 bytes for each.

    Attributes:
        id: int64 [n].
        codes: int8 [n] each: `group`, `verdict`, `confidence`, indices into their words.
        numbers: float64 or int64 [n] each: `norm`, `cosine` and so on, `duplicates`.
        reachable: bool [n]; None where it was not asked for.
        few: what few rows have, by name and row id: `token`, `text`, `recipe`, `verified`,
            `largest_probability`.
        matrix: role of the matrix that they are rows of.
    """

    id: NDArray[np.int64]
    codes: Mapping[str, NDArray[np.int8]]
    numbers: Mapping[str, NDArray[Any]]
    reachable: NDArray[np.bool_] | None
    few: Mapping[str, Mapping[int, Any]]
    matrix: str

    def __len__(self) -> int:
        return int(self.id.size)

    @overload
    def __getitem__(self, at: int) -> Suspect: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Suspect, ...]: ...
    def __getitem__(self, at: int | slice) -> Suspect | tuple[Suspect, ...]:
        if isinstance(at, slice):
            return tuple(self[place] for place in range(*at.indices(len(self))))
        place = range(len(self))[at]
        return next(self._entries(place, place + 1))

    def __iter__(self) -> Iterator[Suspect]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._entries(start, start + _AT_ONCE)

    def column(self, name: str) -> NDArray[Any]:
        """One field of all entries: shape (n,), of dtype object where it holds strings or None."""
        if name in _NAMES:
            return np.array(_NAMES[name], dtype=object)[self.codes[name]]
        if name in self.few:
            found = np.full(len(self), None, dtype=object)
            for start in range(0, len(self), _AT_ONCE):
                found[start : start + _AT_ONCE] = self._values(name, slice(start, start + _AT_ONCE))
            return found
        if name == "matrix":
            return np.full(len(self), self.matrix, dtype=object)
        if name == "reachable":
            return np.full(len(self), None) if self.reachable is None else self.reachable.astype(object)
        return self.id if name == "id" else np.asarray(self.numbers[name])

    def records(self) -> Iterator[dict[str, Any]]:
        """One dict a row, of JSON values: None for numbers that are not finite."""
        for start in range(0, len(self), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            columns = [self._finite(name, part) for name in FIELDS]
            yield from (dict(zip(FIELDS, row, strict=True)) for row in zip(*columns, strict=True))

    def _finite(self, name: str, part: slice) -> list[Any]:
        found, values = self._values(name, part), self.numbers.get(name)
        if values is None or values.dtype.kind != "f" or np.isfinite(values[part]).all():
            return found
        return [value if math.isfinite(value) else None for value in found]

    def _entries(self, start: int, stop: int) -> Iterator[Suspect]:
        part = slice(start, stop)
        return (Suspect(*row) for row in zip(*[self._values(name, part) for name in FIELDS], strict=True))

    def _values(self, name: str, part: slice) -> list[Any]:
        """One field of some entries, as Python's values."""
        if name in self.few:
            return list(map(self.few[name].get, self.id[part].tolist()))
        if name in _NAMES:
            return list(map(_NAMES[name].__getitem__, self.codes[name][part].tolist()))
        if name == "matrix":
            return [self.matrix] * self.id[part].size
        values = self.reachable if name == "reachable" else self.id if name == "id" else self.numbers[name]
        return [None] * self.id[part].size if values is None else list(values[part].tolist())
