"""Ranges that are wanted -> requests: near ones joined, long ones cut into parts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

Range = tuple[int, int]

PART: Final = 8 << 20
"""Bytes of a part of a long range ..."""
LONG_PART: Final = 16 << 20
"""... and where so many are under way on the line that more parts could not fill it."""


_SPARE: Final = 1 << 20  # bytes that are worth fewer requests, however few are wanted


def joined(ranges: Iterable[Range], gap: int) -> list[Range]:
    """The ranges sorted, those joined that lie no more than `gap` bytes apart; empty ones dropped."""
    found: list[Range] = []
    for start, stop in sorted(ranges):
        if stop <= start:
            continue
        if found and start - found[-1][1] <= gap:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


def bridged(ranges: Sequence[Range], gap: int) -> list[Range]:
    """Sorted, disjoint ranges joined where no more than `gap` bytes lie between, the nearest first, and in
    all for a quarter of the bytes that are wanted, or a megabyte: bytes have a price besides the time."""
    left = max(sum(stop - start for start, stop in ranges) // 4, _SPARE)
    sizes = sorted((after[0] - before[1], at) for at, (before, after) in enumerate(pairwise(ranges)))
    bridges = set()
    for size, at in sizes:
        left -= size
        if size > gap or left < 0:
            break
        bridges.add(at)
    found: list[Range] = []
    for at, (start, stop) in enumerate(ranges):
        if found and at - 1 in bridges:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((start, stop))
    return found


def without(ranges: Iterable[Range], present: Sequence[Range]) -> list[Range]:
    """What of the ranges is not in `present`, which is sorted and disjoint."""
    left: list[Range] = []
    for start, stop in ranges:
        at = start
        for place in range(bisect_right(present, start, key=_stop), len(present)):
            low, high = present[place]
            if low >= stop:
                break
            if low > at:
                left.append((at, low))
            at = max(at, high)
        if at < stop:
            left.append((at, stop))
    return left


def within(ranges: Sequence[Range], window: Range) -> list[Range]:
    """What of the ranges, sorted and disjoint, lies in a window."""
    found = []
    for place in range(bisect_right(ranges, window[0], key=_stop), len(ranges)):
        start, stop = ranges[place]
        if start >= window[1]:
            break
        found.append((max(start, window[0]), min(stop, window[1])))
    return found


def _stop(range: Range) -> int:
    return range[1]


def parts(start: int, stop: int, size: int, lanes: int) -> Iterator[Range]:
    """A range in parts of at most `size` bytes.

    The first `lanes` of several grow from a fraction to the full size: parts of one size that are begun at
    once end at once, and then all connections wait for answers and none brings bytes.
    """
    at, number = start, 0
    growing = stop - start > size
    while at < stop:
        fraction = min(number + 1, lanes) / lanes if growing else 1
        step = max(int(size * fraction), size // lanes, 1)
        yield at, min(at + step, stop)
        at += step
        number += 1
