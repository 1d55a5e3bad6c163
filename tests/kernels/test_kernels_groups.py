"""Column sums of groups, in one piece and merged, against the naive oracle."""

from __future__ import annotations

import numpy as np
import pytest

from rowscope.kernels import dispatch
from rowscope.kernels.formats import FORMATS
from rowscope.kernels.results import GroupSums, GroupTotals, RowColumns

from .. import naive

ENGINES = ("numpy", "numba")


def totals(engine: str, dtype: str, raw: np.ndarray, groups: np.ndarray, pieces: int = 1) -> GroupTotals:
    form = FORMATS[dtype]
    merged = GroupTotals.allocate(int(groups.max(initial=0)) + 1, form.width(raw.shape[1]))
    for rows, members in zip(np.array_split(raw, pieces), np.array_split(groups, pieces), strict=True):
        sums = GroupSums.allocate(len(merged.rows), merged.mean.shape[1])
        dispatch.scan(engine, form, rows, RowColumns.allocate(len(rows)), members, sums)
        merged.add(sums)
    return merged


def check(found: GroupTotals, dtype: str, raw: np.ndarray, groups: np.ndarray) -> None:
    rows = [naive.decode(dtype, row.tobytes()) for row in raw]
    for group in range(len(found.rows)):
        expected = naive.columns([row for row, member in zip(rows, groups, strict=True) if member == group])
        assert (found.rows[group], found.unit_rows[group]) == (expected["rows"], expected["unit_rows"])
        assert found.scatter[group] == pytest.approx(expected["scatter"], rel=1e-10)
        if expected["rows"]:
            size = np.abs(expected["mean"]).max()
            np.testing.assert_allclose(found.mean[group], expected["mean"], rtol=1e-12, atol=1e-13 * size)
            np.testing.assert_allclose(found.unit_sum[group], expected["unit_sum"], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("dtype", naive.DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_column_sums_of_groups(engine: str, dtype: str, pieces: int) -> None:
    random = np.random.default_rng(0)
    if dtype in naive.FLOATS:
        raw = naive.encode(dtype, random.normal(size=(50, 24)) + 1)
    else:
        raw = random.integers(0, 256, (50, 24), dtype=np.uint8) & 0x0F
    raw[7] = raw[8] = 0
    groups = random.integers(-1, 4, 50).astype(np.int8)
    groups[20:33] = 2  # a run that fills tiles
    check(totals(engine, dtype, raw, groups, pieces), dtype, raw, groups)


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_that_are_not_finite_do_not_count(engine: str) -> None:
    values = np.random.default_rng(1).normal(size=(30, 16)).astype(np.float32)
    values[[0, 4, 9, 29], 3] = [np.nan, np.inf, -np.inf, np.nan]
    values[12:16] = np.nan
    groups = np.repeat([0, 1, 2], 10).astype(np.int8)
    groups[12:16] = 3  # no finite row at all
    raw = values.view(np.uint8)
    found = totals(engine, "F32", raw, groups)
    check(found, "F32", raw, groups)
    assert found.rows[3] == 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["F64", "F32", "BF16", "F16", "F8_E5M2"])
@pytest.mark.parametrize("pieces", [1, 3])
def test_copies_of_one_row_do_not_scatter_at_all(dtype: str, engine: str, pieces: int) -> None:
    row = np.random.default_rng(2).normal(size=(1, 40)) * 1e-3
    raw = np.repeat(naive.encode(dtype, row), 271, axis=0)
    found = totals(engine, dtype, raw, np.zeros(271, np.int8), pieces)
    assert found.scatter.tolist() == [0.0]
    np.testing.assert_array_equal(found.mean[0], naive.decode(dtype, raw[0].tobytes()))
    np.testing.assert_allclose(found.unit_sum[0] @ found.unit_sum[0], 271.0**2, rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_near_copies_scatter_by_what_tells_them_apart(engine: str) -> None:
    row = np.random.default_rng(3).normal(size=40)
    values = row + np.random.default_rng(4).normal(size=(500, 40)) * 1e-9
    values[0] = 1e3  # a pivot that has nothing to do with the others, in a group of its own
    groups = np.ones(500, np.int8)
    groups[0] = 0
    raw = values.view(np.uint8)
    check(totals(engine, "F64", raw, groups, 5), "F64", raw, groups)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_directions_of_doubles_whose_squares_leave_the_range(engine: str, scale: float) -> None:
    values = np.random.default_rng(5).normal(size=(9, 16)) * scale
    values[4:] /= scale
    groups = np.zeros(9, np.int8)
    found = totals(engine, "F64", values.view(np.uint8), groups)
    units = values / np.array([naive.row(list(row))["norm"] for row in values])[:, None]
    assert (found.rows[0], found.unit_rows[0]) == (9, 9)
    np.testing.assert_allclose(found.unit_sum[0], units.sum(axis=0), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1.0, 7.0, 8.0, 9.0, 100.0])
@pytest.mark.parametrize("dtype", ["F64", "F32", "BF16", "F16"])
@pytest.mark.parametrize("engine", ENGINES)
def test_rows_about_any_mean(engine: str, dtype: str, offset: float) -> None:
    """Around sqrt(63) deviations from 0 the kernels turn from squares about 0 to those about a pivot."""
    random = np.random.default_rng(6)
    raw = naive.encode(dtype, random.normal(size=(90, 70)) + offset * np.sign(random.normal(size=70)))
    groups = np.repeat([1, 0, 1], 30).astype(np.int8)
    check(totals(engine, dtype, raw, groups, 2), dtype, raw, groups)


def test_a_chunk_may_turn_to_a_pivot_where_another_does_not() -> None:
    random = np.random.default_rng(7)
    values = random.normal(size=(80, 70))
    values[40:] = 3 + values[40:] * 1e-6
    raw, groups = naive.encode("F32", values), np.zeros(80, np.int8)
    check(totals("numba", "F32", raw, groups, 2), "F32", raw, groups)
    check(totals("numba", "F32", raw, groups, 1), "F32", raw, groups)
