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
    buckets = _candidates(table)
    if not buckets:
        return labels
    members = np.concatenate(buckets)
    starts = np.cumsum([0, *(bucket.size for bucket in buckets[:-1])])
    equal = _equal_to_previous(table.ids[members], reader)
    equal[starts] = True  # the first of a bucket has no previous one to be equal to
    whole = np.logical_and.reduceat(equal, starts)
    groups: list[Integers] = []
    for bucket, is_group in zip(buckets, whole, strict=True):
        groups.extend([bucket] if is_group else _split(bucket, table.ids, reader))
    for number, group in enumerate(sorted(groups, key=lambda group: int(group[0]))):
        labels[group] = number
    return labels


def _candidates(table: RowTable) -> list[Integers]:
    """Positions that share a fingerprint, ascending: an array for each fingerprint that occurs repeatedly."""
    order = table.by_fingerprint
    prints = table.fingerprint[order]
    same = np.concatenate(([False], prints[1:] == prints[:-1], [False]))  # as the one before
    # Most rows are alone: only the others become arrays of their own.
    starts, lasts = np.flatnonzero(same[1:] & ~same[:-1]), np.flatnonzero(same[:-1] & ~same[1:])
    return [order[start : last + 1] for start, last in zip(starts, lasts, strict=True)]


def _equal_to_previous(ids: Integers, reader: RowReader) -> NDArray[np.bool_]:
    """Whether each row equals the one before it in `ids`; False for the first."""
    step = max(1, COMPARED_BYTES // max(reader.row_bytes, 1))
    equal = np.zeros(ids.size, dtype=np.bool_)
    for start in range(1, ids.size, step):
        rows = _canonical_rows(ids[start - 1 : start + step], reader)
        equal[start : start + step] = (rows[1:] == rows[:-1]).all(axis=1)
    return equal


def _split(bucket: Integers, ids: Integers, reader: RowReader) -> list[Integers]:
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
