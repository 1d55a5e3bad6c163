"""Half-open id ranges: how sets of token ids are written down, counted and parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

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


def ids_of(asked: Any, rows: int, name: str = "ids") -> NDArray[np.int64]:  # noqa: ANN401 - whatever holds ids
    """Ids of rows in any form in which Python code has them, int64 [n].

    Args:
        asked: an id; a slice of the rows; a string as `parse_ranges` takes it; flags, bool [rows], one for
            each row; or ids as a range, array, tensor, series, sequence or set (sorted).

    Raises:
        UsageError: something else, flags of another length, or an id outside `[0, rows)`.
    """
    if isinstance(asked, str):
        return parse_ranges(asked, rows, name)
    if isinstance(asked, slice):
        return np.arange(rows, dtype=np.int64)[asked]
    found = _array(asked, name)
    if found.dtype.kind == "b":
        if found.shape != (rows,):
            raise UsageError(
                f"{name}: flags of shape {list(found.shape)} for {rows:,} rows; give one for each "
                "row, or ids",
                location=name,
            )
        return np.flatnonzero(found).astype(np.int64)
    found = np.atleast_1d(found)
    wrong = found[(found < 0) | (found >= rows)]
    if wrong.size:
        raise UsageError(f"{name}: {int(wrong[0])} is no row; give ids from 0 to {rows - 1}", location=name)
    return found.astype(np.int64)


def free_ids(asked: Any, name: str = "ids") -> NDArray[np.int64]:  # noqa: ANN401 - whatever holds ids
    """Ids where no table says how many there are, int64 [n] in order, each once; flags count from id 0.

    Raises:
        UsageError: what holds no ids (text and slices end nowhere), or a negative one.
    """
    if isinstance(asked, (str, slice)):
        raise UsageError(
            f"{name}: {shortened(asked)} says no last id; give whole numbers, a range, or flags",
            location=name,
        )
    found = _array(asked, name)
    ids = np.flatnonzero(found) if found.dtype.kind == "b" else np.unique(found)
    if ids.size and ids[0] < 0:
        raise UsageError(f"{name}: {int(ids[0])} is no token id; ids start at 0", location=name)
    return ids.astype(np.int64)


def _array(asked: Any, name: str) -> NDArray[Any]:  # noqa: ANN401 - whatever holds ids
    """Flags or whole numbers, of one dimension at most."""
    if isinstance(asked, (set, frozenset)):
        asked = sorted(asked)
    elif isinstance(asked, Iterable) and not any(hasattr(asked, by) for by in ("__getitem__", "__array__")):
        asked = list(asked)  # an iterator, a view of a mapping
    try:
        found = np.asarray(asked)
    except (ValueError, TypeError):  # of several lengths, or on an accelerator
        found = np.empty(0, dtype=object)
    if found.size == 0 and found.dtype.kind == "f" and found.ndim == 1:
        return np.empty(0, dtype=np.int64)  # an empty list
    if found.dtype.kind not in "biu" or found.ndim > 1 or (found.ndim == 0 and found.dtype.kind == "b"):
        raise UsageError(
            f"{name}: {shortened(asked)} holds no ids; give whole numbers, a range, a slice, or a flag for "
            "each row",
            location=name,
        )
    return found


def shortened(value: object) -> str:
    """A value as it is written in a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
