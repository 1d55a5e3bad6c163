"""Formats without a small library: against the formulas of their sources, written out element by element."""

import numpy as np
import pytest

from .conftest import STEM

ROWS, WIDTH = 72, 64
E4M3 = [
    (-1) ** (c >> 7)
    * (c % 8 / 8 * 2.0**-6 if c & 0x78 == 0 else (1 + c % 8 / 8) * 2.0 ** ((c >> 3 & 15) - 7))
    for c in range(256)
]
FP4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]


@pytest.fixture
def random():
    return np.random.default_rng(11)


def _fp8(random, shape):
    """Random codes of E4M3 without its two NaN."""
    codes = random.integers(0, 256, shape, dtype=np.uint8)
    codes[codes & 0x7F == 0x7F] = 0x40
    return codes


def _as_f8(codes):
    import ml_dtypes

    return codes.view(ml_dtypes.float8_e4m3fn)


def test_fp8_by_block_is_multiplied_with_its_inverse_scale(store, decoded, random):
    rows, width = 200, 160  # the last block of either axis is ragged
    codes = _fp8(random, (rows, width))
    scale = random.random((2, 2), dtype=np.float32)
    tensors = {f"{STEM}.weight": _as_f8(codes), f"{STEM}.weight_scale_inv": scale}
    found = decoded(store(tensors, rows, width))
    expected = [
        [np.float32(E4M3[codes[v, c]]) * scale[v // 128, c // 128] for c in range(width)] for v in range(rows)
    ]
    assert np.array_equal(found, np.array(expected, dtype=np.float32))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("version", ["gptq", "gptq_v2"])
@pytest.mark.parametrize("ordered", [True, False])
def test_gptq_is_packed_along_the_input(store, decoded, random, bits, version, ordered):
    groups = 4
    codes = random.integers(0, 1 << bits, (WIDTH, ROWS)).tolist()
    zeros = random.integers(0, (1 << bits) - 1, (groups, ROWS)).tolist()
    scales = random.random((groups, ROWS)).astype(np.float16)
    index = np.arange(WIDTH) // (WIDTH // groups) if ordered else random.integers(0, groups, WIDTH)
    tensors = {
        f"{STEM}.qweight": np.stack(
            [_words([codes[c][v] for c in range(WIDTH)], bits) for v in range(ROWS)], 1
        ),
        f"{STEM}.qzeros": np.stack([_words(row, bits) for row in zeros]),
        f"{STEM}.scales": scales,
        f"{STEM}.g_idx": index.astype(np.int32),
    }
    if ordered:
        del tensors[f"{STEM}.g_idx"]
    settings = {"quant_method": "gptq", "bits": bits, "checkpoint_format": version}
    found = decoded(store(tensors, ROWS, WIDTH, quantization_config=settings))
    more = 1 if version == "gptq" else 0
    for v in range(ROWS):
        for c in range(WIDTH):
            g = index[c]
            assert found[v, c] == np.float32(codes[c][v] - (zeros[g][v] + more)) * np.float32(scales[g, v])


def _words(elements, bits):
    """A little-endian bit stream in words of 32 bits."""
    whole = sum(int(element) << (place * bits) for place, element in enumerate(elements))
    count = -(-len(elements) * bits // 32)
    return np.frombuffer(whole.to_bytes(4 * count, "little"), "<i4").copy()


def test_awq_orders_the_elements_of_a_word(store, decoded, random):
    groups, order = 2, [0, 2, 4, 6, 1, 3, 5, 7]  # AutoAWQ: place i of a word has element order[i]
    codes = random.integers(0, 16, (WIDTH, ROWS))
    zeros = random.integers(0, 16, (groups, ROWS))
    scales = random.random((groups, ROWS)).astype(np.float16)

    def packed(elements):
        words = np.zeros((len(elements), ROWS // 8), dtype=np.uint32)
        for word in range(ROWS // 8):
            for place, element in enumerate(order):
                words[:, word] |= elements[:, word * 8 + element].astype(np.uint32) << np.uint32(4 * place)
        return words.view(np.int32)

    tensors = {f"{STEM}.qweight": packed(codes), f"{STEM}.qzeros": packed(zeros), f"{STEM}.scales": scales}
    found = decoded(store(tensors, ROWS, WIDTH, quantization_config={"quant_method": "awq", "bits": 4}))
    for v in range(ROWS):
        for c in range(WIDTH):
            g = c // (WIDTH // groups)
            assert found[v, c] == np.float32(codes[c, v] - zeros[g, v]) * np.float32(scales[g, v])


def test_modelopt_nvfp4_multiplies_two_scales(store, decoded, random):
    raw = random.integers(0, 256, (ROWS, WIDTH // 2), dtype=np.uint8)
    scale, overall = _fp8(random, (ROWS, WIDTH // 16)), np.float32(0.0123)
    tensors = {
        f"{STEM}.weight": raw,
        f"{STEM}.weight_scale": _as_f8(scale),
        f"{STEM}.weight_scale_2": np.array(overall),
    }
    found = decoded(store(tensors, ROWS, WIDTH))
    for v in range(ROWS):
        for c in range(WIDTH):
            level = FP4[raw[v, c // 2] >> (4 * (c % 2)) & 15]
            assert found[v, c] == np.float32(level) * (np.float32(E4M3[scale[v, c // 16]]) * overall)


def test_torchao_int4_has_its_scales_transposed(store, decoded, random):
    raw = random.integers(0, 256, (ROWS, WIDTH // 2), dtype=np.uint8)
    scale = random.random((2, ROWS)).astype(np.float32)
    zero = random.random((2, ROWS)).astype(np.float32)
    tensors = {
        f"{STEM}._weight_qdata": raw.view(np.int8),
        f"{STEM}._weight_scale": scale,
        f"{STEM}._weight_zero_point": zero,
    }
    kind = '{"_type": "Int4Tensor", "_data": {"block_size": [1, 32]}}'
    found = decoded(store(tensors, ROWS, WIDTH, metadata={f"{STEM}.weight": kind}))
    for v in range(ROWS):
        for c in range(WIDTH):
            code = int(raw[v, c // 2]) >> (4 * (c % 2)) & 15
            level = np.float32(code - 16 if code > 7 else code)
            assert found[v, c] == level * scale[c // 32, v] + zero[c // 32, v]
