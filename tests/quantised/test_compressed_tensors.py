"""Tables of compressed-tensors, against its own decompressors: bit for bit where scales are float32."""

import numpy as np
import pytest

from .conftest import STEM

torch = pytest.importorskip("torch")
pytest.importorskip("compressed_tensors", reason="compressed-tensors is not installed (extra test)")
from compressed_tensors.compressors.naive_quantized.base import NaiveQuantizationCompressor  # noqa: E402
from compressed_tensors.compressors.nvfp4.base import NVFP4PackedCompressor  # noqa: E402
from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor  # noqa: E402
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

ROWS, WIDTH = 70, 128


def _scheme(**weights):
    return QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**weights))


def _values(width=WIDTH):
    return torch.randn(ROWS, width, generator=torch.Generator().manual_seed(1))


def _checked(store, decoded, compressor, state, scheme, width=WIDTH, **config):
    """Store what the compressor makes of `state`; compare rows with what it makes of that again."""
    stored = compressor.compress(dict(state), scheme)
    expected = compressor.decompress(dict(stored), scheme)["weight"].float().numpy()
    tensors = {f"{STEM}.{name}": value.contiguous() for name, value in stored.items()}
    checkpoint = store(tensors, ROWS, width, save=save_file, quantization_config=config)
    return checkpoint, decoded(checkpoint), expected


def _config(bits):
    return {
        "quant_method": "compressed-tensors",
        "config_groups": {"group_0": {"weights": {"num_bits": bits}}},
    }


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize(("strategy", "groups"), [("group", 2), ("channel", 1)])
@pytest.mark.parametrize("symmetric", [True, False])
def test_pack_quantized(store, decoded, bits, strategy, groups, symmetric):
    values = _values()
    top = 2 ** (bits - 1)
    scale = (values.abs().reshape(ROWS, groups, -1).amax(2) / top).clamp(min=1e-4)
    zero = torch.randint(
        -top, top, (ROWS, groups), dtype=torch.int8, generator=torch.Generator().manual_seed(2)
    )
    scheme = _scheme(
        num_bits=bits,
        type="int",
        strategy=strategy,
        group_size=WIDTH // groups if strategy == "group" else None,
        symmetric=symmetric,
    )
    state = {"weight": values, "weight_scale": scale}
    if not symmetric:
        state["weight_zero_point"] = zero
    checkpoint, found, expected = _checked(
        store, decoded, PackedQuantizationCompressor, state, scheme, **_config(bits)
    )
    assert np.array_equal(found, expected)
    packed = checkpoint.matrices[0].packed
    assert (packed.bits, packed.rows, packed.width) == (bits, ROWS, WIDTH)
    assert packed.group == (WIDTH // groups if strategy == "group" else None)


def test_rows_that_end_within_a_word(store, decoded):
    width = 36
    values = _values(width)
    scheme = _scheme(num_bits=3, type="int", strategy="channel", symmetric=True)
    state = {"weight": values, "weight_scale": values.abs().amax(1, keepdim=True) / 4}
    _, found, expected = _checked(
        store, decoded, PackedQuantizationCompressor, state, scheme, width, **_config(3)
    )
    assert np.array_equal(found, expected)


def test_scales_of_bf16_round_the_library_but_not_us(store, decoded):
    values = _values()
    scheme = _scheme(num_bits=4, type="int", strategy="group", group_size=32, symmetric=True)
    state = {"weight": values, "weight_scale": (values.abs().reshape(ROWS, 4, 32).amax(2) / 7).bfloat16()}
    _, found, expected = _checked(store, decoded, PackedQuantizationCompressor, state, scheme, **_config(4))
    half = 2.0**-8 * np.exp2(np.floor(np.log2(np.maximum(abs(found), 1e-30))))  # 8 significant bits
    assert (abs(found - expected) <= half).all()


@pytest.mark.parametrize(
    ("kind", "bits", "strategy", "shape"),
    [
        ("float", 8, "tensor", (1,)),
        ("float", 8, "channel", (ROWS, 1)),
        ("float", 8, "block", (-(-ROWS // 32), WIDTH // 64)),
        ("int", 8, "tensor", (1,)),
        ("int", 8, "channel", (ROWS, 1)),
    ],
)
def test_whole_elements(store, decoded, kind, bits, strategy, shape):
    scale = torch.rand(shape, generator=torch.Generator().manual_seed(5)) * 0.02 + 0.01
    blocks = {"block_structure": [32, 64]} if strategy == "block" else {}
    scheme = _scheme(num_bits=bits, type=kind, strategy=strategy, symmetric=True, **blocks)
    state = {"weight": _values(), "weight_scale": scale}
    groups = {"config_groups": {"group_0": {"weights": {"block_structure": [32, 64], "num_bits": 8}}}}
    more = groups if strategy == "block" else {}
    checkpoint, found, expected = _checked(store, decoded, NaiveQuantizationCompressor, state, scheme, **more)
    assert np.array_equal(found, expected)
    by = {"channel": "row"}.get(strategy, strategy)
    assert checkpoint.matrices[0].packed.format == f"{'fp8' if kind == 'float' else 'int8'}-{by}"


def test_nvfp4(store, decoded):
    values = _values()
    overall = torch.tensor([448.0 * 6 / float(values.abs().max())])
    scale = (values.abs().reshape(ROWS, -1, 16).amax(2) / 6 * overall).to(torch.float8_e4m3fn)
    scheme = _scheme(num_bits=4, type="float", strategy="tensor_group", group_size=16, symmetric=True)
    state = {"weight": values, "weight_scale": scale.float(), "weight_global_scale": overall}
    _, _, theirs = _checked(store, decoded, NVFP4PackedCompressor, state, scheme)
    stored = NVFP4PackedCompressor.compress(dict(state), scheme)
    tensors = {f"{STEM}.{name}": value.contiguous() for name, value in stored.items()}
    found = decoded(store(tensors, ROWS, WIDTH, save=save_file))
    # The library decodes in bfloat16.
    assert (abs(found - theirs) <= 2.0**-7 * abs(found)).all()


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_microscaling(store, decoded, bits):
    """Scales of powers of two; the library decodes in bfloat16, which holds such products exactly."""
    module = pytest.importorskip(
        f"compressed_tensors.compressors.mxfp{bits}.base", reason=f"this compressed-tensors has no mxfp{bits}"
    )
    compressor = getattr(module, "MXFP8Compressor" if bits == 8 else f"MXFP{bits}PackedCompressor", None)
    compressor = compressor or module.MXFP8QuantizationCompressor
    largest = _values().abs().reshape(ROWS, -1, 32).amax(2)
    scale = torch.exp2(torch.floor(torch.log2(largest)) - {4: 2, 6: 2, 8: 8}[bits])
    scheme = _scheme(num_bits=bits, type="float", strategy="group", group_size=32, symmetric=True)
    state = {"weight": _values(), "weight_scale": scale}
    checkpoint, found, expected = _checked(store, decoded, compressor, state, scheme)
    assert np.array_equal(found, expected)
    assert checkpoint.matrices[0].packed.format == {8: "fp8-group"}.get(bits, f"mxfp{bits}")
