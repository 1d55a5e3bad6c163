"""Rows that are copies of each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rowscope.inspector.rows import duplicate_groups, scan_rows
from rowscope.inspector.rows.blocks import RowReader

from .. import naive

Store = Callable[..., RowReader]


def test_copies_are_grouped_in_the_order_of_their_first_members(store: Store) -> None:
    values = naive.normal(30)
    values[[4, 9, 28]] = values[20]
    values[[2, 29]] = values[11]
    values[5], values[6] = 0.0, -0.0
    with store("BF16", values) as reader:
        table, _ = scan_rows(reader)
        groups = duplicate_groups(table, reader)
        part = duplicate_groups(table.take(np.array([29, 1, 20, 9, 2])), reader)
    expected = np.full(30, -1)
    expected[[2, 11, 29]], expected[[4, 9, 20, 28]], expected[[5, 6]] = 0, 1, 2
    np.testing.assert_array_equal(groups, expected)
    assert part.tolist() == [0, -1, 1, 1, 0]


def test_equal_fingerprints_of_different_rows_are_no_copies(store: Store) -> None:
    values = naive.normal(40)
    values[[3, 17]] = values[8]
    with store("F32", values) as reader:
        table, _ = scan_rows(reader)
        table.fingerprint[:] = 7  # all collide
        groups = duplicate_groups(table, reader)
    assert np.flatnonzero(groups >= 0).tolist() == [3, 8, 17]
    assert set(groups[[3, 8, 17]]) == {0}


def test_no_rows_have_no_copies(store: Store) -> None:
    with store("F32", naive.normal()) as reader:
        table, _ = scan_rows(reader, ids=np.empty(0, np.int64))
        assert duplicate_groups(table, reader).shape == (0,)
