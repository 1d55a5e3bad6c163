"""Pairs of rows against numpy, torch and ml_dtypes: distances, cosines, equality, rounding, both engines."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.diff.measure import compare_rows
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.rows.blocks import RowReader
from rowscope.kernels import rounding
from rowscope.kernels.compare import pairs
from rowscope.kernels.formats import FORMATS

DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
}
ENGINES = ("numpy", "numba")
NAMES = ("changed", "distance", "norm_base", "norm_tuned", "cosine", "finite")


def raw(values):
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def measured(engine, base_name, base, tuned_name, tuned):
    out = pairs.PairColumns.allocate(len(base))
    pairs.compare(engine, FORMATS[base_name], raw(base), FORMATS[tuned_name], raw(tuned), out)
    return out


def some_rows(seed, rows=60, width=37):
    """Two matrices: rows that moved, rows that did not, zeros on either side."""
    random = np.random.default_rng(seed)
    base = random.normal(size=(rows, width))
    tuned = base + 0.3 * random.normal(size=base.shape) * (random.random((rows, 1)) < 0.5)
    base[3] = 0
    tuned[4] = 0
    base[5] = tuned[5] = 0
    return base, tuned


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("tuned_name", DTYPES)
@pytest.mark.parametrize("base_name", DTYPES)
def test_numbers_agree_with_torch(base_name, tuned_name, engine):
    base, tuned = some_rows(1)
    base, tuned = base.astype(DTYPES[base_name]), tuned.astype(DTYPES[tuned_name])
    found = measured(engine, base_name, base, tuned_name, tuned)
    x, y = (torch.from_numpy(side.astype(np.float64)) for side in (base, tuned))
    assert_allclose(found.distance, torch.linalg.vector_norm(y - x, dim=1), rtol=1e-12)
    assert_allclose(found.norm_base, torch.linalg.vector_norm(x, dim=1), rtol=1e-12)
    assert_allclose(found.norm_tuned, torch.linalg.vector_norm(y, dim=1), rtol=1e-12)
    assert_array_equal(found.changed, (x != y).sum(dim=1))
    assert found.finite.all()
    directed = (x.abs().sum(1) > 0) & (y.abs().sum(1) > 0)
    cosine = torch.nn.functional.cosine_similarity(x, y, dim=1, eps=0.0)
    assert_allclose(found.cosine[directed], cosine[directed], rtol=1e-11, atol=1e-12)
    assert np.isnan(found.cosine[~directed.numpy()]).all()
    same = (found.changed == 0) & directed.numpy()
    assert same.any() or base_name != tuned_name
    assert (found.cosine[same] == 1).all()
    assert (found.distance[same] == 0).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["F32", "F16", "BF16", "F8_E5M2", "F64"])
def test_a_row_that_is_not_finite_has_no_distance(name, engine):
    base, tuned = (side.astype(DTYPES[name]) for side in some_rows(2))
    tuned[:] = base
    base[0, 1] = tuned[0, 1] = np.nan
    base[1, 2], tuned[1, 2] = np.nan, 1
    base[2, 3] = tuned[2, 3] = np.inf
    tuned[6, 0] = -np.inf
    found = measured(engine, name, base, name, tuned)
    assert_array_equal(np.flatnonzero(~found.finite), [0, 1, 2, 6])
    assert_array_equal(found.changed[[0, 1, 2, 6]], [0, 1, 0, 1])
    assert np.isnan(found.distance[[0, 1, 2, 6]]).all()
    assert np.isnan(found.cosine[[0, 1, 2, 6]]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_nan_equals_a_nan_between_dtypes_and_its_bits_decide_within_one(engine):
    base = np.array([[np.nan, 1]], dtype="f4")
    assert measured(engine, "F32", base, "BF16", base.astype(ml_dtypes.bfloat16)).changed[0] == 0
    other = base.copy()
    other.view("u4")[0, 0] ^= 1  # another NaN
    assert measured(engine, "F32", base, "F32", other).changed[0] == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("base_name", "tuned_name"), [("F32", "F32"), ("BF16", "BF16"), ("F16", "F32")])
def test_minus_zero_is_zero(base_name, tuned_name, engine):
    base = np.zeros((2, 5), DTYPES[base_name])
    tuned = -np.zeros((2, 5), DTYPES[tuned_name])
    base[1, 0] = tuned[1, 0] = 1
    found = measured(engine, base_name, base, tuned_name, tuned)
    assert_array_equal(found.changed, [0, 0])
    assert_array_equal(found.distance, [0, 0])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e-310])
def test_squares_outside_float64_do_not_lose_the_distance(scale, engine):
    base, tuned = some_rows(3)
    expected = measured("numpy", "F64", base, "F64", tuned)
    found = measured(engine, "F64", base * scale, "F64", tuned * scale)
    assert_allclose(found.distance, expected.distance * scale, rtol=1e-9, atol=0)
    assert_allclose(found.cosine, expected.cosine, rtol=1e-9, equal_nan=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_tiny_step_from_a_large_row_is_seen(engine):
    base = np.full((1, 4), 1.0)
    tuned = base.copy()
    tuned[0, 0] = np.nextafter(1.0, 2.0)
    found = measured(engine, "F64", base, "F64", tuned)
    assert found.changed[0] == 1
    assert found.distance[0] == np.spacing(1.0)


@pytest.mark.parametrize("dtype", ["I8", "U8", "I32"])
def test_integers_go_through_numpy(dtype):
    kind = np.dtype(dtype.lower().replace("i", "int").replace("u", "uint"))
    base = np.arange(12).reshape(3, 4).astype(kind)
    tuned = base.copy()
    tuned[1, 1] += 3
    found = measured("numba", dtype, base, dtype, tuned)
    assert_array_equal(found.distance, [0, 3, 0])


BITS = hnp.arrays(np.uint16, st.tuples(st.integers(1, 4), st.integers(1, 9)))


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(), base_name=st.sampled_from(["BF16", "F16"]), tuned_name=st.sampled_from(["BF16", "F16"])
)
def test_engines_agree_on_any_bits(data, base_name, tuned_name):
    base = data.draw(BITS)
    tuned = data.draw(hnp.arrays(np.uint16, base.shape) | st.just(base))
    base, tuned = base.view(DTYPES[base_name]), tuned.view(DTYPES[tuned_name])
    by_numpy = measured("numpy", base_name, base, tuned_name, tuned)
    by_numba = measured("numba", base_name, base, tuned_name, tuned)
    for name in NAMES:
        assert_allclose(
            getattr(by_numba, name), getattr(by_numpy, name), rtol=1e-12, atol=1e-14, err_msg=name
        )


NARROW = {
    **{name: DTYPES[name] for name in DTYPES if name not in ("F64", "F32")},
    "F6_E2M3": ml_dtypes.float6_e2m3fn,
    "F6_E3M2": ml_dtypes.float6_e3m2fn,
    "F4": ml_dtypes.float4_e2m1fn,
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", NARROW)
def test_rounding_is_that_of_ml_dtypes(name):
    random = np.random.default_rng(4)
    anything = random.integers(0, 2**32, 50_000, dtype=np.uint32).view(np.float32)
    halfway = np.arange(-8_000, 8_000).astype(np.float32) / 64
    values = np.concatenate([anything[~np.isnan(anything)], halfway, random.normal(size=20_000).astype("f4")])
    expected = values.astype(NARROW[name]).astype(np.float64)
    assert_array_equal(rounding.nearest(FORMATS[name], values.astype(np.float64)), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("narrow", ["BF16", "F16", "F8_E4M3"])
@pytest.mark.parametrize("wide", ["F32", "F64"])
def test_rows_equal_after_rounding_are_found_in_both_directions(wide, narrow):
    values = np.random.default_rng(5).normal(size=(40, 50)).astype(DTYPES[wide])
    rounded = values.astype(np.float32).astype(DTYPES[narrow])
    changed = rounded.copy()
    changed[7, 49] = 3
    changed[9, 0] = 4
    expected = np.ones(40, dtype=bool)
    expected[[7, 9]] = False
    there = rounding.equal_after_rounding(FORMATS[wide], raw(values), FORMATS[narrow], raw(changed))
    back = rounding.equal_after_rounding(FORMATS[narrow], raw(changed), FORMATS[wide], raw(values))
    assert_array_equal(there, expected)
    assert_array_equal(back, expected)


def test_rounding_says_nothing_about_one_dtype_or_integers():
    values = np.ones((2, 4), dtype="f4")
    assert not rounding.equal_after_rounding(FORMATS["F32"], raw(values), FORMATS["F32"], raw(values)).any()
    whole = values.astype("i4")
    assert not rounding.equal_after_rounding(FORMATS["F32"], raw(values), FORMATS["I32"], raw(whole)).any()


def test_the_engine_is_chosen_by_size():
    form = FORMATS["BF16"]
    assert pairs.choose_engine(form, form, 1_000) == "numpy"
    assert pairs.choose_engine(form, form, 10**9) == "numba"
    assert pairs.choose_engine(form, FORMATS["I8"], 10**9) == "numpy"


def readers(folder, base, tuned):
    for name, values in (("base", base), ("tuned", tuned)):
        (folder / name).mkdir()
        save = save_torch if isinstance(values, torch.Tensor) else save_file
        save({"embed_tokens.weight": values}, folder / name / "model.safetensors")
    return [RowReader(open_checkpoint(folder / name).matrices[0].ref) for name in ("base", "tuned")]


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_are_streamed_in_chunks_and_row_counts_may_differ(tmp_path, engine, monkeypatch):
    monkeypatch.setattr("rowscope.inspector.rows.chunks.CHUNK_BYTES", 7 * 24 * 2)
    base = torch.randn(100, 24).bfloat16()
    tuned = torch.cat([base, torch.randn(20, 24).bfloat16()])
    tuned[50] += 1
    seen = []
    with (pair := readers(tmp_path, base, tuned))[0] as left, pair[1] as right:
        one = compare_rows(left, right, engine=engine, threads=1)
        table = compare_rows(left, right, engine=engine, threads=3, progress=seen.append)
    assert len(table) == 100
    assert sum(seen) == 100
    assert_array_equal(np.flatnonzero(table.changed), [50])
    expected = (tuned[50].double() - base[50].double()).norm()
    assert_allclose(table.distance[50], expected, rtol=1e-12)
    assert_allclose(table.relative[50], expected / base[50].double().norm(), rtol=1e-12)
    assert_array_equal(one.distance, table.distance)


def test_a_zero_row_that_changed_moved_infinitely_far_in_relation(tmp_path):
    base, tuned = np.zeros((3, 4), "f4"), np.zeros((3, 4), "f4")
    tuned[1] = 2
    with (pair := readers(tmp_path, base, tuned))[0] as left, pair[1] as right:
        table = compare_rows(left, right)
    assert_array_equal(table.relative, [0, np.inf, 0])
    assert_array_equal(table.identical, [True, False, True])


def test_rows_of_different_width_are_refused(tmp_path):
    base, tuned = readers(tmp_path, np.zeros((3, 4), "f4"), np.zeros((3, 5), "f4"))
    with base, tuned, pytest.raises(CheckpointError, match="4 elements"):
        compare_rows(base, tuned)
