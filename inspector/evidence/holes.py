"""Runs of zero bytes that begin or end inside a row: a piece of the file that never arrived.

Zeroing rows on purpose leaves their neighbours whole. A missing piece of a download ends where the piece
ended, most often inside a row. The scan's counts of zeros say where to look; little is read again.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median, union
from rowscope.inspector.frozen import record
from rowscope.inspector.rows import RowReader, RowTable

# Zero elements of a row that count as cut off: chance makes no eight in a row where few elements are zero.
_CUT: Final = 8
# Bytes of a run without a whole row in it: file systems and downloads write no smaller pieces.
_SECTOR: Final = 512
# Where more rows than this look odd, they are no holes but the model's own.
_MOST: Final = 512
_SAMPLE: Final = 64
_BLOCK: Final = 256  # rows read at once


@record
class Hole:
    """A run of zero bytes: its first byte and the one behind its last, counted from the table's first."""

    start: int
    stop: int


def find_holes(reader: RowReader, table: RowTable) -> tuple[Hole, ...]:
    """Runs of zero bytes that begin or end inside a row of the table, which must hold all rows in order.

    Only for tables whose rows are the bytes of one file: of others rows are computed, or lie elsewhere.
    """
    if type(reader) is not RowReader or not table.width or not len(table):
        return ()
    empty = table.zeros == table.width
    full = np.flatnonzero(~empty)
    if not full.size or not (empty.any() or _odd(table, empty).size):
        return ()
    odd, cut = _odd(table, empty), _usual(reader, full)
    return tuple(_within_rows(reader, odd, empty, cut) + _beside_empty(reader, empty, cut))


def damaged_rows(reader: RowReader, table: RowTable) -> NDArray[np.bool_]:
    """bool [n]: rows of a table of some of the matrix's rows that lie in a hole.

    Only the neighbours of rows that are empty, or have more zeros than is usual, are read.
    """
    if type(reader) is not RowReader or not table.width or not len(table):
        return np.zeros(len(table), dtype=np.bool_)
    empty = table.zeros == table.width
    full = table.ids[~empty]
    odd = table.ids[_odd(table, empty)] if full.size else full
    if not full.size or not (empty.any() or odd.size):
        return np.zeros(len(table), dtype=np.bool_)
    known = np.zeros(reader.rows, dtype=np.bool_)
    known[table.ids[empty]] = True
    for id in (*table.ids[empty].tolist(), *odd.tolist()):
        _spread(reader, known, id, 1)
        _spread(reader, known, id, -1)
    cut = _usual(reader, full)
    holes = tuple(_within_rows(reader, odd, known, cut) + _beside_empty(reader, known, cut))
    return rows_of(holes, reader.row_bytes, reader.rows)[table.ids]


def _spread(reader: RowReader, known: NDArray[np.bool_], id: int, step: int) -> None:
    """Mark the empty rows that follow each other from the one beside `id` on."""
    at = id + step
    while 0 <= at < reader.rows:
        if known[at]:
            return  # looked at from that row
        start, stop = (at, min(at + _BLOCK, reader.rows)) if step > 0 else (max(at - _BLOCK + 1, 0), at + 1)
        filled = np.flatnonzero(reader.block(start, stop).any(axis=1))
        if step > 0:
            end = start + int(filled[0]) if filled.size else stop
            known[at:end] = True
            at = end
        else:
            begin = start + int(filled[-1]) + 1 if filled.size else start
            known[begin : at + 1] = True
            at = begin - 1
        if filled.size:
            return


def _usual(reader: RowReader, full: NDArray[np.int64]) -> _Cut:
    """What is more than the usual zeros, from a sample of the rows `full` (int64 ids)."""
    some = _ends(reader, full[union(np.linspace(0, full.size - 1, _SAMPLE).astype(np.int64))])
    least = _CUT * max(reader.form.bits // 8, 1)
    return _Cut(*(max(least, 2 * int(np.quantile(column, 0.9)) + 1) for column in some.T))


def _odd(table: RowTable, empty: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows that are not empty and have more zeros than is usual."""
    most = median(table.zeros[~empty]) + _CUT
    return np.flatnonzero(~empty & (table.zeros > most))


class _Cut(NamedTuple):
    """Zero bytes at a row's beginning, at its end and within it from which on they are none of the usual."""

    head: int
    tail: int
    inner: int


def _beside_empty(reader: RowReader, empty: NDArray[np.bool_], cut: _Cut) -> list[Hole]:
    """Runs of empty rows that go on within a neighbour."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], empty.view(np.int8), [0]))))
    if edges.size > 2 * _MOST:
        return []
    size, found = reader.row_bytes, []
    for first, last in edges.reshape(-1, 2).tolist():
        before = _ends(reader, np.array([first - 1]))[0, 1] if first else 0
        after = _ends(reader, np.array([last]))[0, 0] if last < empty.size else 0
        begin = first * size - (int(before) if before >= cut.tail else 0)
        stop = last * size + (int(after) if after >= cut.head else 0)
        if begin % size or stop % size:
            found.append(Hole(begin, stop))
    return found


def _within_rows(
    reader: RowReader, odd: NDArray[np.int64], empty: NDArray[np.bool_], cut: _Cut
) -> list[Hole]:
    """Runs without an empty row, of a sector or more: within one row of `odd`, or over the end of one."""
    if odd.size > _MOST:
        return []
    size, found, item = reader.row_bytes, [], max(reader.form.bits // 8, 1)
    for id in odd.tolist():
        last = min(id + 1, empty.size - 1)
        start, stop = _longest_run(reader.gather(np.arange(id, last + 1, dtype=np.int64)).reshape(-1))
        start, stop = -(-start // item) * item, stop // item * item  # a value may begin or end in a zero byte
        beside = (start == 0 and id > 0 and _tail(reader, id - 1) > 0) or (stop > size and empty[last])
        if not beside and start < size and stop - start >= max(_SECTOR, cut.inner):
            found.append(Hole(id * size + start, id * size + stop))
    return found


def _tail(reader: RowReader, id: int) -> int:
    """Zero bytes at the end of a row; all of an empty one."""
    there = np.flatnonzero(reader.gather(np.array([id]))[0])
    return reader.row_bytes - 1 - int(there[-1]) if there.size else reader.row_bytes


def _ends(reader: RowReader, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Zero bytes at the beginning and the end of rows, and the longest run within: int64 [n, 3]."""
    found = np.zeros((ids.size, 3), dtype=np.int64)
    for at, row in enumerate(reader.gather(ids)):
        there = np.flatnonzero(row)
        if there.size:
            start, stop = _longest_run(row)
            found[at] = there[0], row.size - 1 - there[-1], stop - start
    return found


def _longest_run(data: NDArray[np.uint8]) -> tuple[int, int]:
    """First byte of the longest run of zeros and the one behind its last; (0, 0) without a zero."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (data == 0).view(np.int8), [0])))).reshape(-1, 2)
    if not edges.size:
        return 0, 0
    start, stop = edges[np.argmax(edges[:, 1] - edges[:, 0])]
    return int(start), int(stop)


def rows_of(holes: tuple[Hole, ...], row_bytes: int, rows: int) -> NDArray[np.bool_]:
    """bool [rows]: rows that lie in a hole, whole or in part."""
    hit = np.zeros(rows, dtype=np.bool_)
    for hole in holes:
        hit[hole.start // row_bytes : -(-hole.stop // row_bytes)] = True
    return hit
