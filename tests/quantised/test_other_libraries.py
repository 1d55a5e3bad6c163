"""Tables of bitsandbytes, torchao, transformers' Gemma and model2vec, against these libraries themselves."""

import json

import numpy as np
import pytest

from .conftest import STEM

torch = pytest.importorskip("torch")
from safetensors.torch import save_file  # noqa: E402

ROWS, WIDTH = 70, 128


def _values(width=WIDTH):
    return torch.randn(ROWS, width, generator=torch.Generator().manual_seed(1))


def _half_a_unit(values):
    """Of bfloat16, which has 8 significant bits."""
    return 2.0**-8 * np.exp2(np.floor(np.log2(np.maximum(abs(values), 1e-30))))


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("block", [64, 128, 256])
def test_bitsandbytes_four_bit(store, decoded, kind, nested, block):
    functional = pytest.importorskip("bitsandbytes.functional", reason="bitsandbytes is not installed")
    rows = _values()[:64]
    packed, state = functional.quantize_4bit(
        rows, blocksize=block, compress_statistics=nested, quant_type=kind
    )
    tensors = {f"{STEM}.weight": packed}
    tensors |= {f"{STEM}.weight.{name}": value for name, value in state.as_dict(packed=True).items()}
    checkpoint = store(tensors, 64, WIDTH, save=save_file)
    expected = functional.dequantize_4bit(packed, state).numpy()
    if block > WIDTH:
        # The library's own kernel for processors (0.50) takes the first scale for all such rows; its portable
        # one, like its kernels for accelerators, goes by the place in the flattened table.
        scales = state.absmax
        if nested:
            scales = functional.dequantize_blockwise(state.absmax, state.state2) + state.offset
        levels = torch.stack([packed[:, 0] >> 4, packed[:, 0] & 15], 1).reshape(-1)
        expected = (state.code[levels.long()] * scales.repeat_interleave(block)).reshape(64, WIDTH).numpy()
    assert np.array_equal(decoded(checkpoint), expected)
    assert checkpoint.matrices[0].shape == (64, WIDTH)


def test_bitsandbytes_int8(store, decoded):
    functional = pytest.importorskip("bitsandbytes.functional", reason="bitsandbytes is not installed")
    codes = torch.randint(-127, 128, (ROWS, WIDTH), dtype=torch.int8)
    largest = torch.rand(ROWS)
    checkpoint = store({f"{STEM}.weight": codes, f"{STEM}.SCB": largest}, ROWS, WIDTH, save=save_file)
    assert np.array_equal(decoded(checkpoint), functional.int8_vectorwise_dequant(codes, largest).numpy())


def _torchao(store, config, dtype):
    pytest.importorskip("torchao", reason="torchao is not installed")
    from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict
    from torchao.quantization import quantize_

    layer = torch.nn.Sequential(torch.nn.Linear(WIDTH, ROWS, bias=False))
    layer[0].weight.data = _values()
    layer.to(dtype)
    quantize_(layer, config)
    tensors, metadata = flatten_tensor_state_dict({f"{STEM}.weight": layer[0].weight})
    checkpoint = store(tensors, ROWS, WIDTH, save=save_file, metadata=metadata)
    return checkpoint, layer[0].weight.dequantize().float().detach().numpy()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["Int8WeightOnlyConfig", "Float8WeightOnlyConfig"])
def test_torchao_whole_elements(store, decoded, name, dtype):
    quantization = pytest.importorskip("torchao.quantization", reason="torchao is not installed")
    checkpoint, expected = _torchao(store, getattr(quantization, name)(), dtype)
    found = decoded(checkpoint)
    room = 0 if dtype == torch.float32 else _half_a_unit(found)
    assert (abs(found - expected) <= room).all()


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_torchao_integers_in_bytes(store, decoded, bits):
    quantization = pytest.importorskip("torchao.quantization", reason="torchao is not installed")
    from torchao.quantization.granularity import PerGroup

    kind = getattr(torch, f"int{bits}")
    config = quantization.IntxWeightOnlyConfig(weight_dtype=kind, granularity=PerGroup(32))
    checkpoint, expected = _torchao(store, config, torch.float32)
    assert np.array_equal(decoded(checkpoint), expected)
    assert (checkpoint.matrices[0].packed.bits, checkpoint.matrices[0].packed.group) == (bits, 32)


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("blocks", [1, 4])
def test_gemma_as_transformers_decodes_it(store, decoded, bits, blocks):
    quant = pytest.importorskip(
        "transformers.integrations.gemma_quant", reason="this transformers has no quantised Gemma"
    )
    module = quant.QuantizedEmbedding(ROWS, WIDTH, torch.float32, num_bits=bits)
    stored = module.embedding_quantized
    low, high = (-128, 128) if bits == 8 else (0, 256)
    stored.data = torch.randint(low, high, stored.shape, dtype=stored.dtype)
    module.embedding_scale = torch.nn.Parameter(torch.rand(ROWS, blocks))
    names = {f"{STEM}.{name}": value.detach() for name, value in module.state_dict().items()}
    config = {"quant_method": "gemma", "num_bits": bits, "quantize_embeddings": True}
    checkpoint = store(names, ROWS, WIDTH, save=save_file, quantization_config=config)
    assert np.array_equal(decoded(checkpoint), module.weight.detach().numpy())


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_model2vec_tables_and_vocabularies(tmp_path, dtype, decoded):
    import rowscope

    random = np.random.default_rng(4)
    rows = random.normal(size=(20, 16)) * 30
    tensors = {
        "embeddings": torch.from_numpy(rows.astype(dtype)),
        "mapping": torch.from_numpy(random.integers(0, 20, 50)),
        "weights": torch.from_numpy(random.random(50).astype("f4")),
    }
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"normalize": False, "embedding_dtype": dtype}))
    checkpoint = rowscope.open_checkpoint(tmp_path)
    stored = tensors["embeddings"].numpy().astype("f4")
    expected = stored[tensors["mapping"].numpy()] * tensors["weights"].numpy()[:, None]
    assert np.array_equal(decoded(checkpoint), expected)
    assert checkpoint.matrices[0].shape == (50, 16)
