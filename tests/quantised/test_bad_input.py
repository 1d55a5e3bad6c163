"""Quantised tables whose tensors do not fit each other: one clear reason, exit 3, and no number of a row."""

import json
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import UndecodableError
from rowscope.inspector.rows import open_rows

from .conftest import STEM

ROWS, WIDTH = 64, 64
F4 = np.float32


def _mlx(**other):
    tensors = {
        "weight": np.ones((ROWS, WIDTH // 8), dtype=np.uint32),
        "scales": np.ones((ROWS, 2), dtype=F4),
        "biases": np.ones((ROWS, 2), dtype=F4),
    }
    return _named({**tensors, **other})


def _named(tensors):
    return {f"{STEM}.{name}": value for name, value in tensors.items() if value is not None}


def _fp8(scale):
    return _named({"weight": np.ones((ROWS, WIDTH), dtype=ml_dtypes.float8_e4m3fn), "weight_scale": scale})


def _nf4(state, absmax=ROWS * WIDTH // 64):
    raw = np.frombuffer(state if isinstance(state, bytes) else json.dumps(state).encode(), np.uint8)
    return _named(
        {
            "weight": np.ones((ROWS * WIDTH // 2, 1), dtype=np.uint8),
            "weight.absmax": np.ones(absmax, dtype=F4),
            "weight.quant_map": np.ones(16, dtype=F4),
            "weight.quant_state.bitsandbytes__nf4": raw,
        }
    )


def _gptq(zeros, scales):
    words = np.ones((WIDTH // 8, ROWS), dtype=np.int32)
    return _named({"qweight": words, "qzeros": np.ones(zeros, dtype=np.int32), "scales": np.ones(scales, F4)})


GOOD_STATE = {"shape": [ROWS, WIDTH], "blocksize": 64, "quant_type": "nf4", "dtype": "bfloat16"}

BAD = {
    "scales of another row count": (_mlx(scales=np.ones((ROWS - 1, 2), F4)), "scales.*63, 2"),
    "biases of another shape": (_mlx(biases=np.ones((ROWS, 4), F4)), "biases.*64, 4"),
    "scales that are integers": (_mlx(scales=np.ones((ROWS, 2), dtype=np.int32)), "I32"),
    "scales in one dimension": (_mlx(scales=np.ones(ROWS, F4)), "scales"),
    "bits that no mode has": (_mlx(scales=np.ones((ROWS, 7), F4), biases=np.ones((ROWS, 7), F4)), "bits"),
    "float scales without biases": (_mlx(biases=None), "biases"),
    "a scale of some rows": (_fp8(np.ones((ROWS - 3, 1), F4)), "weight_scale.*61, 1"),
    "a scale in three dimensions": (_fp8(np.ones((ROWS, 1, 2), F4)), "weight_scale"),
    "packed without scales": (
        _named({"weight_packed": np.ones((ROWS, 8), np.int32)}),
        "weight_scale is missing",
    ),
    "a state that is no JSON": (_nf4(b"{shape"), "no JSON object"),
    "a state without a shape": (_nf4({"blocksize": 64}), "no JSON object"),
    "a state of another size": (_nf4({**GOOD_STATE, "shape": [ROWS, WIDTH + 2]}), "2048 bytes for 64 x 66"),
    "a block across rows": (_nf4({**GOOD_STATE, "blocksize": 96}), "blocks of 96"),
    "a block of no size": (_nf4({**GOOD_STATE, "blocksize": 0}), "bytes"),
    "absmax of another size": (_nf4(GOOD_STATE, absmax=5), "absmax.*5"),
    "zeros of another shape": (_gptq((2, 3), (2, ROWS)), "qzeros"),
    "a scale for too few rows": (_gptq((2, 8), (2, ROWS - 1)), "shapes of neither"),
    "EXL2": (
        _named({"q_weight": np.ones((4, ROWS), np.int32), "q_scale": np.ones((2, 8), np.int32)}),
        "EXL2",
    ),
    "EXL3": (_named({"trellis": np.ones((WIDTH // 16, ROWS // 16, 64), np.int16)}), "EXL3"),
    "HQQ": (_named({"W_q": np.ones((ROWS * WIDTH // 2, 1), np.uint8), "scale": np.ones(1, F4)}), "HQQ"),
    "integers alone": (_named({"weight": np.ones((ROWS, WIDTH), np.int8)}), "I8"),
}


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_with_the_tensor_and_the_reason(name, store):
    tensors, reason = BAD[name]
    checkpoint = store(tensors, ROWS, WIDTH)
    with pytest.raises(UndecodableError, match=reason):
        open_rows(checkpoint.matrices[0])
    report = rowscope.audit(checkpoint)
    assert (report.matrices, report.complete) == ((), False)
    assert report.census.input_rows == ROWS
    assert not [finding for finding in report.findings if finding.code.startswith(("ROW", "TOK", "TIE"))]


def test_the_command_says_it_and_exits_with_3(store):
    checkpoint = store(BAD["EXL3"][0], ROWS, WIDTH)
    words = [sys.executable, "-m", "rowscope", "audit", str(checkpoint.root), "--format", "json"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120)
    report = json.loads(result.stdout)
    assert (result.returncode, report["matrices"], report["census"]["input_rows"]) == (3, [], ROWS)
    assert any("EXL3" in skip["why"] for skip in report["coverage"]["skipped"])


def test_an_index_of_groups_that_points_nowhere(store):
    tensors = {
        **_gptq((2, 8), (2, ROWS)),
        f"{STEM}.g_idx": np.array([0, 1] * (WIDTH // 2 - 1) + [0, 2], dtype=np.int32),
    }
    with pytest.raises(UndecodableError, match="points at 2, outside the 2 groups"):
        open_rows(store(tensors, ROWS, WIDTH, quantization_config={"quant_method": "gptq"}).matrices[0])


def test_scales_beside_plain_values_are_no_packing(store):
    """Scales of activations, or of a quantisation that has not been applied."""
    values = np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype(F4)
    tensors = _named({"weight": values, "weight_scale": np.ones((ROWS, 1), F4) * 9})
    matrix = store(tensors, ROWS, WIDTH).matrices[0]
    with open_rows(matrix) as reader:
        assert matrix.packed is None
        assert np.array_equal(reader.decode(np.arange(ROWS)), values)


def test_the_report_says_how_a_table_is_stored(store):
    random = np.random.default_rng(2)
    words = random.integers(0, 2**32, (ROWS, WIDTH // 8), dtype=np.uint32)
    scales = random.random((ROWS, 2), dtype=F4)
    tensors = _mlx(weight=words, scales=scales, biases=-scales * 8)
    report = rowscope.audit(store(tensors, ROWS, WIDTH, quantization={"group_size": 32, "bits": 8}))
    (matrix,) = report.to_dict()["matrices"]
    assert matrix["storage"] == {
        "format": "mlx-affine",
        "label": "MLX 4 bit",
        "bits": 4,
        "group": 32,
        "scale_shape": [ROWS, 2],
    }
    assert matrix["shape"] == [ROWS, WIDTH]
    assert report.coverage.bytes_read == words.nbytes + 2 * scales.nbytes
    assert any("8 bits in groups of 32, the shapes 4" in note for note in report.checkpoint.notes)
