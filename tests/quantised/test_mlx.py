"""MLX's packings, against MLX itself: bit for bit in float32, within its own rounding in 16 bits."""

import numpy as np
import pytest

from .conftest import STEM

mx = pytest.importorskip("mlx.core", reason="MLX's CPU build is not installed (extra test, Linux and macOS)")

ROWS, WIDTH = 70, 128


def _rows(dtype):
    return mx.array(np.random.default_rng(3).normal(size=(ROWS, WIDTH)).astype("f4")).astype(dtype)


def _save(tensors, path, metadata):
    mx.save_safetensors(path, tensors, metadata)


def _stored(store, parts, **config):
    names = dict(zip((f"{STEM}.weight", f"{STEM}.scales", f"{STEM}.biases"), parts, strict=False))
    return store(names, ROWS, WIDTH, save=_save, metadata={"format": "mlx"}, **config)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("group", [32, 64, 128])
def test_affine(store, decoded, bits, group):
    parts = mx.quantize(_rows(mx.float32), group_size=group, bits=bits)
    checkpoint = _stored(store, parts, quantization={"group_size": group, "bits": bits})
    expected = np.array(mx.dequantize(*parts, group_size=group, bits=bits))
    assert np.array_equal(decoded(checkpoint), expected)
    packed = checkpoint.matrices[0].packed
    assert (packed.format, packed.bits, packed.group, packed.notes) == ("mlx-affine", bits, group, ())


@pytest.mark.parametrize(("dtype", "unit"), [("bfloat16", 2.0**-8), ("float16", 2.0**-11)])
def test_affine_with_scales_of_16_bits(store, decoded, dtype, unit):
    """MLX rounds the product and the sum to 16 bits each; here they are float32."""
    parts = mx.quantize(_rows(getattr(mx, dtype)), group_size=64, bits=4)
    found = decoded(_stored(store, parts, quantization={"group_size": 64, "bits": 4}))
    theirs = np.array(mx.dequantize(*parts, group_size=64, bits=4).astype(mx.float32))
    offset = np.repeat(np.array(parts[2].astype(mx.float32)), 64, axis=1)
    exact = (found - offset, found)
    assert (abs(found - theirs) <= unit * (abs(exact[0]) + abs(theirs)) * (1 + unit)).all()


@pytest.mark.parametrize(("mode", "bits", "group"), [("mxfp4", 4, 32), ("nvfp4", 4, 16), ("mxfp8", 8, 32)])
def test_other_modes(store, decoded, mode, bits, group):
    parts = mx.quantize(_rows(mx.float32), group_size=group, bits=bits, mode=mode)
    checkpoint = _stored(store, parts, quantization={"group_size": group, "bits": bits, "mode": mode})
    expected = mx.dequantize(*parts, group_size=group, bits=bits, mode=mode, dtype=mx.float32)
    assert np.array_equal(decoded(checkpoint), np.array(expected))
    assert checkpoint.matrices[0].packed.format == f"mlx-{mode}"


def test_shapes_win_over_a_config_that_says_otherwise(store, decoded):
    parts = mx.quantize(_rows(mx.float32), group_size=64, bits=4)
    expected = np.array(mx.dequantize(*parts, group_size=64, bits=4))
    for said in ({"group_size": 64, "bits": 8}, {"group_size": 32, "bits": 4}, {"group_size": 32, "bits": 8}):
        checkpoint = _stored(store, parts, quantization=said)
        assert np.array_equal(decoded(checkpoint), expected), said
        (note,) = checkpoint.matrices[0].packed.notes
        assert "shapes were taken" in note
    own = {"group_size": 32, "bits": 8, STEM: {"group_size": 64, "bits": 4}}
    assert _stored(store, parts, quantization=own).matrices[0].packed.notes == ()
    assert np.array_equal(decoded(_stored(store, parts)), expected)
