"""Rows that are copies of each other: fingerprints propose, bytes decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.blocks import RowReader
from rowscope.inspector.rows.table import RowTable
from rowscope.kernels import formats

COMPARED_BYTES = 4 << 20
"""Bytes of rows compared at once."""


def duplicate_groups(table: RowTable, reader: RowReader) -> NDArray[np.int64]:
    """For each row of the table the number of its group of equal rows, -1 where it has no copy; shape (n,).

    Rows are equal when their bits are, -0 read as +0. Groups are numbered from 0 in the order in which
    their first members stand in the table.
    """
    order = np.argsort(table.fingerprint, kind="stable")
    ordered = table.fingerprint[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if order.size else order
    sizes = np.diff(np.append(starts, order.size))
    found: list[NDArray[np.int64]] = []
    for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
        found.extend(_split(order[start : start + size], table.ids, reader))
    labels = np.full(order.size, -1, dtype=np.int64)
    for number, members in enumerate(sorted(found, key=lambda members: int(members[0]))):
        labels[members] = number
    return labels


def _split(
    candidates: NDArray[np.int64], ids: NDArray[np.int64], reader: RowReader
) -> list[NDArray[np.int64]]:
    """Positions with equal fingerprints, split into those with equal rows; rows without a copy left out."""
    groups = []
    while candidates.size > 1:
        equal = _equal_to_first(ids[candidates], reader)
        if equal.sum() > 1:
            groups.append(candidates[equal])
        candidates = candidates[~equal]
    return groups


def _equal_to_first(ids: NDArray[np.int64], reader: RowReader) -> NDArray[np.bool_]:
    step = max(1, COMPARED_BYTES // max(reader.row_bytes, 1))
    first = _canonical_rows(ids[:1], reader)
    parts = [
        (_canonical_rows(ids[start : start + step], reader) == first).all(axis=1)
        for start in range(0, ids.size, step)
    ]
    reader.release(int(ids.min()), int(ids.max()) + 1)
    return np.concatenate(parts)


def _canonical_rows(ids: NDArray[np.int64], reader: RowReader) -> formats.Codes:
    return formats.canonical(reader.form, formats.unpack(reader.form, reader.gather(ids)))
