"""How far the sums are from exact ones: 1e-12 for norms and sums (of the row's L1), 1e-10 for deviations."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowscope.kernels import dispatch, limits
from rowscope.kernels.formats import FORMATS
from rowscope.kernels.results import RowColumns

from .. import naive

WIDTH = 896


def check(dtype: str, values: np.ndarray, engine: str) -> None:
    raw = naive.encode(dtype, values)
    found = RowColumns.allocate(len(raw))
    dispatch.scan(engine, FORMATS[dtype], raw, found)
    for at, row in enumerate(raw):
        exact = naive.row(naive.decode(dtype, row.tobytes()))
        norm, deviation = found.extreme.get(at, (math.sqrt(found.sumsq[at]), None))
        if deviation is None:
            deviation = math.sqrt(found.m2[at] / (values.shape[1] - 1))
        assert norm == pytest.approx(exact["norm"], rel=1e-12, abs=0)
        assert found.sum[at] == pytest.approx(exact["sum"], rel=0, abs=1e-12 * exact["l1"])
        assert found.l1[at] == pytest.approx(exact["l1"], rel=1e-12, abs=0)
        assert deviation == pytest.approx(exact["std"], rel=1e-10, abs=0)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("scale", [1e-21, 1e-30, 1.0, 1e30])
@pytest.mark.parametrize("dtype", ["F32", "BF16", "F64"])
def test_rows_of_any_size(dtype: str, scale: float, engine: str) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(12, WIDTH)) * scale / math.sqrt(WIDTH)
    values[3:6] += 5 * scale  # nearly constant
    values[6] = np.where(np.arange(WIDTH) == 7, 1e4 * scale, values[6])  # one outlier
    values[7] = np.where(np.arange(WIDTH) == 7, -1e4 * scale, 0)
    values[8] = scale  # constant
    values[9] = scale * random.uniform(1, 1 + 1e-2, WIDTH)
    check(dtype, values, engine)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("scale", [1e-308, 1e-200, 1e-150, 1e150, 1e200, 1e300])
def test_doubles_whose_squares_leave_the_range(scale: float, engine: str) -> None:
    values = np.random.default_rng(1).normal(size=(8, 64)) * scale
    values[1] += 100 * scale
    values[2] = 0
    values[3, 1:] = 0
    values[4] = np.random.default_rng(2).normal(size=64)
    check("F64", values, engine)


def test_doubles_that_span_the_whole_range() -> None:
    values = np.ldexp(1.0, np.linspace(-1070, 1020, 256).astype(int))[None]
    check("F64", np.concatenate([values, -values, values[:, ::-1]]), "numba")


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_a_mean_far_larger_than_the_deviations(engine: str) -> None:
    random = np.random.default_rng(3)
    values = np.stack([1 + random.normal(size=WIDTH) * 10.0**-power for power in range(1, 13)])
    check("F64", values, engine)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_wide_rows(engine: str) -> None:
    values = np.random.default_rng(4).normal(size=(3, 16384)) * 1e-3
    values[1] += 1
    values[2] *= np.geomspace(1e-6, 1e6, 16384)
    check("F32", values, engine)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("dtype", ["F64", "F32", "BF16", "F16", "F8_E4M3"])
def test_a_constant_row_does_not_deviate(dtype: str, engine: str) -> None:
    raw = naive.encode(dtype, np.outer([0.1, -0.3, 7.0, 1e-3], np.ones(WIDTH)))
    found = RowColumns.allocate(len(raw))
    dispatch.scan(engine, FORMATS[dtype], raw, found)
    assert found.m2.tolist() == [0.0] * 4


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=2, max_size=40),
    st.sampled_from(["numba", "numpy"]),
)
def test_any_finite_singles(row: list[float], engine: str) -> None:
    check("F32", np.array([row]), engine)


def test_the_bounds_of_plain_doubles_leave_room_for_sums_of_squares() -> None:
    form = FORMATS["F64"]
    codes = (limits.limit_code(form), limits.floor_code(form))
    largest, smallest = (code.view(np.float64) for code in codes)
    assert math.isfinite(float(largest) ** 2 * 2**20)
    assert float(smallest) ** 2 * 2.0**-53 > np.finfo(np.float64).tiny
    assert float(ml_dtypes.finfo(ml_dtypes.bfloat16).smallest_subnormal) > smallest
