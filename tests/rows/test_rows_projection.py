"""Dot products, the first principal component, medians."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rowscope.inspector.errors import UsageError
from rowscope.inspector.rows import column_median, principal_component, project_rows, scan_rows
from rowscope.inspector.rows.blocks import RowReader

from .. import naive

Store = Callable[..., RowReader]


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("dtype", naive.FLOATS)
def test_dot_products(dtype: str, engine: str, store: Store, small_chunks: None) -> None:
    values, vectors = naive.normal(57), naive.normal(3, seed=5)
    with store(dtype, values) as reader:
        exact = reader.decode(np.arange(57))
        found, power = project_rows(reader, vectors, engine=engine, accumulate_power=True)
        some = project_rows(reader, vectors[:1], ids=np.array([4, 50, 9]), engine=engine)
    np.testing.assert_allclose(found, exact @ vectors.T, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(power, exact.T @ (exact @ vectors[2]), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(some[:, 0], exact[[4, 50, 9]] @ vectors[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_rows_that_are_not_finite_do_not_enter_the_power_step(engine: str, store: Store) -> None:
    values, vectors = naive.normal(57).astype(np.float32), naive.normal(1, seed=5)
    values[3, 3], values[56, 1], values[20, 5] = np.nan, np.inf, -np.inf
    with store("F32", values) as reader:
        found, power = project_rows(reader, vectors, engine=engine, accumulate_power=True)
    finite = np.isfinite(values).all(axis=1)
    kept = values[finite].astype(np.float64)
    np.testing.assert_array_equal(np.isfinite(found[:, 0]), finite)
    np.testing.assert_allclose(power, kept.T @ (kept @ vectors[0]), rtol=1e-12)


@pytest.mark.parametrize("vectors", [np.ones(24), np.ones((2, 23)), np.ones((0, 24))])
def test_vectors_of_another_width_are_refused(vectors: np.ndarray, store: Store) -> None:
    with store("F32", naive.normal()) as reader, pytest.raises(UsageError, match="rows of width 24"):
        project_rows(reader, vectors)


def spiked(rows: int = 400, width: int = 32) -> np.ndarray:
    """Rows whose first components stand out by a little, about a mean that is not 0."""
    random = np.random.default_rng(6)
    basis = np.linalg.qr(random.normal(size=(width, width)))[0]
    return random.normal(size=(rows, width)) * np.geomspace(3, 0.5, width) @ basis + random.normal(size=width)


def test_the_principal_component_is_that_of_a_full_decomposition(store: Store, small_chunks: None) -> None:
    values = spiked()
    values[7, 3] = np.nan
    with store("F64", values) as reader:
        table, _ = scan_rows(reader)
        kept = values[table.finite]
        found = principal_component(reader, table, kept.mean(axis=0), tolerance=1e-9, max_passes=32)
    variances, vectors = np.linalg.eigh(np.cov(kept.T))
    assert found.variance == pytest.approx(variances[-1], rel=1e-12)
    assert abs(found.vector @ vectors[:, -1]) == pytest.approx(1, abs=1e-12)
    assert found.vector[np.abs(found.vector).argmax()] > 0
    assert found.residual <= 1e-9


def test_a_component_from_a_sample_is_refined_over_all_rows(
    store: Store, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample of few rows starts far off; each pass brings the residual down, and reports the true one."""
    monkeypatch.setattr("rowscope.inspector.rows.projection.SAMPLE_BYTES", 8 * 32 * 12)
    values = spiked(3000)
    covariance = np.cov(values.T)
    residuals = []
    with store("F64", values) as reader:
        table, _ = scan_rows(reader)
        for passes in (1, 3, 6, 12):
            found = principal_component(reader, table, values.mean(axis=0), tolerance=0, max_passes=passes)
            image = covariance @ found.vector
            true = np.linalg.norm(image - found.variance * found.vector) / found.variance
            assert found.residual == pytest.approx(true, rel=1e-6, abs=1e-12)
            assert found.passes == passes
            residuals.append(found.residual)
    assert residuals == sorted(residuals, reverse=True)
    assert residuals[-1] < 1e-3 * residuals[0]


def test_some_rows_have_a_component_of_their_own(store: Store) -> None:
    values = spiked()
    ids = np.arange(10, 300, 2)
    with store("F64", values) as reader:
        table, _ = scan_rows(reader, ids=ids)
        found = principal_component(reader, table, values[ids].mean(axis=0), tolerance=1e-9, max_passes=32)
    assert found.variance == pytest.approx(np.linalg.eigvalsh(np.cov(values[ids].T))[-1], rel=1e-12)


def test_rows_without_variance_have_no_component(store: Store) -> None:
    with store("F32", np.ones((50, 16))) as reader:
        found = principal_component(reader, scan_rows(reader)[0], np.ones(16))
    assert (found.variance, found.passes) == (0.0, 0)
    assert not found.vector.any()


@pytest.mark.parametrize("dtype", ["BF16", "F4", "F6_E3M2", "I8"])
def test_medians_of_columns(dtype: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "rowscope.inspector.rows.projection.MEDIAN_BYTES", 8 * 31 * 8
    )  # eight columns at once
    ids = np.random.default_rng(7).permutation(60)[:31]
    with store(dtype, naive.normal() * 3) as reader:
        expected = np.median(reader.decode(ids), axis=0)
        np.testing.assert_array_equal(column_median(reader, ids), expected)
        with pytest.raises(UsageError, match="no rows"):
            column_median(reader, ids[:0])
