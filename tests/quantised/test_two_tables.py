"""Input and output where one or both are quantised; formats that are named and not decoded."""

import numpy as np
import pytest

import rowscope

from .made import STEM
from .zoo import ZOO

ROWS, WIDTH = 72, 128
F4 = np.float32


def _head(tensors):
    return {name.replace(STEM, "lm_head"): value for name, value in tensors.items()}


@pytest.mark.parametrize(
    "name", ["mlx 4 bit by 64", "fp8 by row", "packed 4 bit, zeros", "gptq 4 bit", "nf4"]
)
def test_a_head_alone(name, store):
    made = ZOO[name](ROWS, WIDTH)
    plain = np.random.default_rng(5).normal(size=(ROWS, WIDTH)).astype(F4)
    tensors = {f"{STEM}.weight": plain, **_head(made.tensors)}
    checkpoint = store(tensors, ROWS, WIDTH, **{**made.config, "tie_word_embeddings": False})
    report = rowscope.audit(checkpoint)
    assert [matrix.role for matrix in report.matrices] == ["input", "output"]
    assert report.matrices[0].storage is None
    assert not [finding for finding in report.findings if finding.code.startswith("TIE")]
    for role, values in (("input", plain), ("output", made.values)):
        norms = np.linalg.norm(values.astype("f8"), axis=1)
        assert np.allclose(rowscope.row_table(checkpoint, role=role).norm, norms, rtol=1e-12)


@pytest.mark.parametrize("name", ["mlx 4 bit by 64", "fp8 by row", "int8 by tensor", "mxfp4"])
def test_two_that_are_tied_are_compared_with_their_scales(name, store):
    """Equal codes under other scales are other rows."""
    made = ZOO[name](ROWS, WIDTH)
    head = _head(made.tensors)
    same = rowscope.audit(store({**made.tensors, **head}, ROWS, WIDTH, **made.config))
    assert (same.census.tie_source, len(same.matrices)) == ("same-bytes", 1)
    scale = next(leaf for leaf in head if leaf.endswith(("scale", "scales")))
    head[scale] = head[scale] - 1 if head[scale].dtype == np.uint8 else np.asarray(head[scale] * 2)
    other = rowscope.audit(store({**made.tensors, **head}, ROWS, WIDTH, **made.config))
    assert len(other.matrices) == 2
    assert [finding.code for finding in other.findings if finding.code.startswith("TIE")] == ["TIE401"]


def test_diff_compares_values_whatever_they_are_stored_in(store):
    """Eight bits with a scale of a power of two, and the same values as float32: no row differs."""
    made = ZOO["int8 by row"](ROWS, WIDTH)
    scale = np.full((ROWS, 1), 1 / 64, F4)
    codes = made.tensors[f"{STEM}.weight"]
    one = store({f"{STEM}.weight": codes, f"{STEM}.weight_scale": scale}, ROWS, WIDTH)
    two = store({f"{STEM}.weight": codes.astype(F4) * scale}, ROWS, WIDTH)
    (matrix,) = rowscope.diff(one, two).matrices
    assert (matrix.total.changed, matrix.base.rows, matrix.width) == (0, ROWS, WIDTH)
    scale[7] *= 2
    two = store({f"{STEM}.weight": codes.astype(F4) * scale}, ROWS, WIDTH)
    (matrix,) = rowscope.diff(one, two).matrices
    assert matrix.total.changed == 1


NAMED = {
    "HQQ by its shape": (
        {"W_q": np.ones((ROWS * WIDTH // 2, 1), "u1"), "shape": np.array([ROWS, WIDTH])},
        None,
    ),
    "HQQ by the config": ({"W_q": np.ones((64, ROWS * WIDTH // 128), "u1")}, ROWS),
    "optimum-quanto": (
        {"weight._data": np.ones((ROWS, WIDTH), "i1"), "weight._scale": np.ones((ROWS, 1), F4)},
        None,
    ),
    "optimum-quanto in four bits": ({"weight._data": np.ones((ROWS // 2, WIDTH), "u1")}, ROWS),
    "EXL2": ({"q_weight": np.ones((16, ROWS), "i4"), "q_scale": np.ones((4, 8), "i4")}, None),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_format_that_is_named_is_counted(name, store):
    parts, said = NAMED[name]
    checkpoint = store({f"{STEM}.{leaf}": value for leaf, value in parts.items()}, said, WIDTH)
    report = rowscope.audit(checkpoint)
    assert (report.census.input_rows, report.complete, report.matrices) == (ROWS, False, ())
    assert any(name.split()[0] in skip.why and "checkpoint" in skip.why for skip in report.coverage.skipped)
