"""Sets of ids and medians against numpy's own."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rowscope.inspector.arrays import column_medians, median, union, without

IDS = arrays.arrays(np.int64, st.integers(0, 30), elements=st.integers(-3, 2**40) | st.integers(0, 20))
TABLES = arrays.arrays(
    st.sampled_from((np.float64, np.float32)),
    st.tuples(st.integers(1, 9), st.integers(0, 5)),
    elements=st.floats(width=32, allow_infinity=False),
)


@given(IDS, IDS, IDS)
def test_union(one, other, third):
    np.testing.assert_array_equal(union(one, other), np.union1d(one, other))
    np.testing.assert_array_equal(union(one, other, third), np.unique(np.concatenate((one, other, third))))
    assert union(one, other).dtype == np.int64


@given(IDS, IDS)
def test_without(ids, others):
    np.testing.assert_array_equal(without(ids, others), np.setdiff1d(ids, others))


def test_no_set_and_no_id():
    assert union().size == 0
    assert without(np.array([3, 1]), np.array([], dtype=np.int64)).tolist() == [1, 3]


@given(TABLES)
def test_column_medians(rows):
    found = column_medians(rows)
    np.testing.assert_array_equal(found, np.median(rows, axis=0))
    assert found.dtype == rows.dtype
    if rows.size:
        np.testing.assert_array_equal(median(rows), np.median(rows))


@given(arrays.arrays(np.int8, st.integers(1, 20)))
def test_median_of_integers(values):
    assert median(values) == np.median(values)
    assert median(values.tolist()) == np.median(values)


@pytest.mark.parametrize("shape", [(0, 3), (0, 0)])
def test_of_no_rows(shape):
    rows = np.empty(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(column_medians(rows)).all()
        assert np.isnan(median(rows))
