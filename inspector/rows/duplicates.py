"""Rows that are copies of each other: fingerprints propose, bytes decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.rows.blocks import RowReader
from rowscope.inspector.rows.table import RowTable
from rowscope.kernels import formats

Integers = NDArray[np.int64]

COMPARED_BYTES = 4 << 20
"""Bytes of rows compared at once."""


def duplicate_groups(table: RowTable, reader: RowReader) -> Integers:
    """For each row of the table the number of its group of equal rows, -1 where it has no copy; shape (n,).

    Rows are equal when their bits are, -0 read as +0. Groups are numbered from 0 in the order in which
    their first members stand in the table.
    """
    labels = np.full(len(table), -1, dtype=np.int64)
    members, starts = _candidates(table) if len(table) else (labels, labels)
    if not members.size:
        return labels
    equal = _equal_to_previous(table.ids[members], reader)
    equal[starts] = True  # the first of a bucket has no previous one to be equal to
    whole = np.logical_and.reduceat(equal, starts)
    sizes = np.diff(starts, append=members.size)
    apart = [
        group
        for at in np.flatnonzero(~whole).tolist()
        for group in _split(members[starts[at] : starts[at] + sizes[at]], table.ids, reader)
    ]
    # Numbers in the order of the first members, which are the lowest positions.
    firsts = np.concatenate([members[starts[whole]], [group[0] for group in apart]])
    numbers = np.empty(firsts.size, dtype=np.int64)
    numbers[np.argsort(firsts)] = np.arange(firsts.size)
    count = firsts.size - len(apart)
    labels[members[np.repeat(whole, sizes)]] = np.repeat(numbers[:count], sizes[whole])
    for group, number in zip(apart, numbers[count:], strict=True):
        labels[group] = number
    return labels


def _candidates(table: RowTable) -> tuple[NDArray[np.integer], Integers]:
    """Positions that share a fingerprint, those of one fingerprint together and ascending; where each of
    these buckets begins."""
    order = table.by_fingerprint
    prints = table.fingerprint[order]
    same = np.concatenate(([False], prints[1:] == prints[:-1], [False]))  # as the one before
    del prints
    shared = same[1:] | same[:-1]  # most rows are alone
    return order[shared], np.flatnonzero(~same[:-1][shared])


def _equal_to_previous(ids: Integers, reader: RowReader) -> NDArray[np.bool_]:
    """Whether each row equals the one before it in `ids`; False for the first."""
    step = max(1, COMPARED_BYTES // max(reader.row_bytes, 1))
    equal = np.zeros(ids.size, dtype=np.bool_)
    for start in range(1, ids.size, step):
        rows = _canonical_rows(ids[start - 1 : start + step], reader)
        equal[start : start + step] = (rows[1:] == rows[:-1]).all(axis=1)
    return equal


def _split(bucket: NDArray[np.integer], ids: Integers, reader: RowReader) -> list[NDArray[np.integer]]:
    """Positions whose fingerprints are equal, as groups of equal rows; rows without a copy left out."""
    groups = []
    while bucket.size > 1:
        first = _canonical_rows(ids[bucket[:1]], reader)
        equal = np.array([bool((_canonical_rows(ids[at : at + 1], reader) == first).all()) for at in bucket])
        if equal.sum() > 1:
            groups.append(bucket[equal])
        bucket = bucket[~equal]
    return groups


def _canonical_rows(ids: Integers, reader: RowReader) -> formats.Codes:
    return formats.canonical(reader.form, formats.unpack(reader.form, reader.gather(ids)))
