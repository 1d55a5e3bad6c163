"""The scan of quantised rows, decoded on the way: the same as a scan of the decoded rows."""

import ml_dtypes
import numpy as np
import pytest

from rowscope.inspector.rows import open_rows, scan_rows
from rowscope.kernels.results import RowColumns

from .conftest import STEM

ROWS, WIDTH, GROUP = 700, 192, 64


@pytest.fixture
def mlx(store):
    """4 bits; groups 0 and 1 of ordinary rows, group 2 of copies, some rows not finite, some zero."""
    random = np.random.default_rng(8)
    words = random.integers(0, 2**32, (ROWS, WIDTH // 8), dtype=np.uint32)
    scales = random.normal(size=(ROWS, WIDTH // GROUP)).astype(np.float16)
    biases = random.normal(size=(ROWS, WIDTH // GROUP)).astype(np.float16)
    for table in (words, scales, biases):
        table[600:] = table[600]
    scales[5, 1], scales[6, 0], scales[7] = np.nan, np.inf, 0
    biases[7], scales[8], biases[8] = 0, 6e-8, 0
    tensors = {f"{STEM}.weight": words, f"{STEM}.scales": scales, f"{STEM}.biases": biases}
    return store(tensors, ROWS, WIDTH, quantization={"group_size": GROUP, "bits": 4})


@pytest.fixture
def fp8(store):
    random = np.random.default_rng(9)
    values = random.normal(size=(ROWS, WIDTH)).astype(ml_dtypes.float8_e4m3fn)
    scale = random.random((ROWS, 1), dtype=np.float32)
    values[600:], scale[600:], scale[5] = values[600], scale[600], np.nan
    return store({f"{STEM}.weight": values, f"{STEM}.weight_scale": scale}, ROWS, WIDTH)


@pytest.mark.parametrize("which", ["mlx", "fp8"])
@pytest.mark.parametrize("ids", [None, np.arange(90, 650), np.array([5, 6, 7, 8, 3, 650, 651, 3])])
def test_both_engines_find_the_same(which, ids, request):
    matrix = request.getfixturevalue(which).matrices[0]
    groups = np.digitize(np.arange(ROWS), [300, 600]).astype(np.int8)
    groups = groups if ids is None else groups[ids]
    found = {}
    for engine in ("numpy", "numba"):
        with open_rows(matrix) as reader:
            found[engine] = scan_rows(reader, ids=ids, groups=groups, n_groups=3, engine=engine)
    (plain, sums), (fast, fast_sums) = found["numpy"], found["numba"]
    for name in RowColumns.names():
        one, other = getattr(plain, name), getattr(fast, name)
        exact = name in ("zeros", "nan", "pos_inf", "neg_inf", "min", "max", "fingerprint")
        same = np.array_equal(one, other, equal_nan=exact) if exact else None
        assert same if exact else np.allclose(one, other, rtol=1e-12, equal_nan=True), name
    assert np.array_equal(sums.rows, fast_sums.rows)
    assert np.allclose(sums.mean, fast_sums.mean, rtol=1e-10, atol=1e-12, equal_nan=True)
    assert np.allclose(sums.scatter, fast_sums.scatter, rtol=1e-10, atol=1e-9)
    assert fast_sums.scatter[2] == 0  # exact copies


def test_a_scale_that_is_no_number_makes_its_row_not_finite(mlx):
    with open_rows(mlx.matrices[0]) as reader:
        table, _ = scan_rows(reader)
    assert np.flatnonzero(~table.finite).tolist() == [5, 6]
    assert np.flatnonzero(table.zeros == WIDTH).tolist() == [7]
