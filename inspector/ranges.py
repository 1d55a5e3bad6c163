"""Half-open id ranges: how sets of token ids are written down, counted and parsed."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import UsageError

Range = tuple[int, int]

_PART = re.compile(r"\s*(?:(?P<one>\d+)|(?P<start>\d*):(?P<stop>\d*))\s*")


def to_ranges(ids: NDArray[np.int64]) -> tuple[Range, ...]:
    """Sorted distinct int64 ids [n] as half-open ranges `((start, stop), …)`."""
    if ids.size == 0:
        return ()
    breaks = np.flatnonzero(np.diff(ids) != 1) + 1
    starts = ids[np.concatenate(([0], breaks))]
    stops = ids[np.concatenate((breaks - 1, [ids.size - 1]))] + 1
    return tuple((int(a), int(b)) for a, b in zip(starts, stops, strict=True))


def format_ranges(ranges: tuple[Range, ...], limit: int = 6) -> str:
    """`[3, 5) 9 [12, 40)`; the rest beyond `limit` ranges is counted."""
    parts = [str(a) if b == a + 1 else f"[{a}, {b})" for a, b in ranges[:limit]]
    if len(ranges) > limit:
        parts.append(f"and {len(ranges) - limit} more ranges")
    return " ".join(parts)


def parse_ranges(text: str, rows: int, option: str = "--ids") -> NDArray[np.int64]:
    """Parse `0:10,151665:,7` against a matrix of `rows` rows.

    Returns:
        int64 ids in the order given, each once.

    Raises:
        UsageError: a part that is no id or range, or an id outside `[0, rows)`.
    """
    pieces: list[NDArray[np.int64]] = []
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise UsageError(
                f"{option}: {part!r} is neither an id nor a range; write ids like 7 or 0:10 or 151665:",
                location=option,
            )
        start = int(match["one"] or match["start"] or 0)
        stop = start + 1 if match["one"] else int(match["stop"] or rows)
        if start >= rows or stop > rows:
            raise UsageError(
                f"{option}: {part.strip()!r} reaches beyond the last row {rows - 1}; use ids below {rows}",
                location=option,
            )
        pieces.append(np.arange(start, max(start, stop), dtype=np.int64))
    ids = np.concatenate(pieces)
    _, first = np.unique(ids, return_index=True)
    return ids[np.sort(first)]
