"""Quantised rows -> values: numpy against bits counted one by one, the compiled decoder against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowscope.kernels.decode.codes import level_table, unpack_codes
from rowscope.kernels.decode.coding import Coding, row_bytes
from rowscope.kernels.decode.decode import decode
from rowscope.kernels.decode.scaling import Scaling, scale_levels

KINDS = (
    *(("unsigned", bits, True) for bits in (2, 3, 4, 5, 6, 8)),
    *(("centred", bits, False) for bits in (2, 3, 4, 5, 6, 8)),
    ("unsigned", 4, False),
    ("signed", 8, False),
    ("F8_E4M3", 8, False),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(1, 41), st.integers(0, 2**32 - 1))
def test_a_stream_is_read_bit_by_bit(bits, width, seed):
    raw = np.random.default_rng(seed).integers(0, 256, (3, -(-width * bits // 8) + 1), dtype=np.uint8)
    found = unpack_codes(Coding(bits, "unsigned"), raw, width)
    for row, codes in zip(raw, found, strict=True):
        word = int.from_bytes(row.tobytes(), "little")
        assert codes.tolist() == [word >> (c * bits) & ((1 << bits) - 1) for c in range(width)]


def test_bitsandbytes_puts_the_first_of_two_elements_in_the_high_half():
    raw = np.array([[0x12, 0xAB]], dtype=np.uint8)
    assert unpack_codes(Coding(4, "unsigned", "high-first"), raw, 4).tolist() == [[1, 2, 10, 11]]
    assert unpack_codes(Coding(4, "unsigned"), raw, 4).tolist() == [[2, 1, 11, 10]]


def test_levels():
    assert level_table(Coding(2, "centred")).tolist() == [-2, -1, 0, 1]
    assert level_table(Coding(2, "signed")).tolist() == [0, 1, -2, -1]
    # The 16 values of FP4 (OCP MX specification 1.0, table 5).
    positive = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    assert level_table(Coding(4, "F4")).tolist() == [*positive, *(-value for value in positive)]


def test_scales_spread_over_columns():
    levels = np.arange(10, dtype=np.float32)[None]
    scale = np.array([[1, 10, 100]], dtype=np.float32)
    assert scale_levels(levels, Scaling(4, scale))[0].tolist() == [0, 1, 2, 3, 40, 50, 60, 70, 800, 900]
    order = np.array([2, 0, 1, 0, 2, 1, 0, 0, 0, 1])
    expected = levels[0] * scale[0, order]
    assert scale_levels(levels, Scaling(4, scale, columns=order))[0].tolist() == expected.tolist()


@pytest.mark.parametrize(("levels", "bits", "with_offset"), KINDS)
@pytest.mark.parametrize(("width", "group"), [(128, 64), (96, 32), (72, 24), (40, 40), (200, 64), (8, 8)])
def test_the_compiled_decoder_gives_the_same_bits(levels, bits, with_offset, width, group):
    random = np.random.default_rng(width * bits)
    rows, groups = 5, -(-width // group)
    coding = Coding(bits, levels)
    wide = random.integers(0, 256, (rows, row_bytes(coding, width) + 3), dtype=np.uint8)
    raw = wide[:, : row_bytes(coding, width)]  # rows that do not follow each other
    scale = random.normal(size=(rows, groups)).astype(np.float32)
    scale[1, 0], scale[2, -1] = np.nan, np.inf
    other = random.integers(-7, 8, (rows, groups)).astype(np.float32)
    for scaling in (
        Scaling(group, scale, offset=other * 0.3 if with_offset else None),
        Scaling(group, scale, *((None, other) if with_offset else (other, None))),
        Scaling(width, scale[:1, :1], *((None, other[:1, :1]) if with_offset else (None, None))),
    ):
        if with_offset and scaling.offset is None:
            continue
        found = [np.zeros((rows, width), dtype=np.float32) for _ in range(2)]
        decode("numpy", coding, raw, scaling, found[0])
        decode("numba", coding, raw, scaling, found[1])
        assert np.array_equal(found[0], found[1], equal_nan=True)
        assert np.array_equal(np.signbit(found[0]), np.signbit(found[1])) or np.isnan(found[0]).any()


@pytest.mark.parametrize("kind", ["<f2", "<u2"])
@pytest.mark.parametrize(("levels", "with_offset"), [("unsigned", True), ("F8_E4M3", False)])
def test_scales_of_sixteen_bits_are_widened_by_the_kernel(kind, levels, with_offset):
    """All 65,536 of them: subnormal ones, infinities, NaN."""
    rows, width, group = 4096, 256, 16
    scale = np.arange(1 << 16, dtype="<u2").view(kind).reshape(rows, width // group)
    coding = Coding(8, levels)
    raw = np.random.default_rng(3).integers(0, 256, (rows, width), dtype=np.uint8)
    scaling = Scaling(group, scale, offset=scale[::-1] if with_offset else None)
    found = [np.zeros((rows, width), dtype=np.float32) for _ in range(2)]
    decode("numpy", coding, raw, scaling, found[0])
    decode("numba", coding, raw, scaling, found[1])
    assert np.array_equal(found[0], found[1], equal_nan=True)
    number = ~np.isnan(found[0])
    assert np.array_equal(np.signbit(found[0][number]), np.signbit(found[1][number]))


def test_scales_of_floats_up_to_the_largest():
    raw = np.arange(256, dtype=np.uint8)[None].repeat(6, axis=0)
    for large in (2.0**118, 2.0**119, -(2.0**127)):
        scale = np.array([1e-45, 3e-39, -1e-30, 2.0**-120, 1.0, large], dtype=np.float32)[:, None]
        found = [np.zeros((6, 256), dtype=np.float32) for _ in range(2)]
        for engine, out in zip(("numpy", "numba"), found, strict=True):
            decode(engine, Coding(8, "F8_E4M3"), raw, Scaling(256, scale), out)
        assert np.array_equal(found[0], found[1], equal_nan=True)


@pytest.mark.parametrize("width", [12, 20, 7])
def test_widths_that_the_compiled_decoder_leaves_to_numpy(width):
    random = np.random.default_rng(width)
    coding = Coding(4, "centred")
    raw = random.integers(0, 256, (4, row_bytes(coding, width)), dtype=np.uint8)
    scaling = Scaling(4, random.normal(size=(4, -(-width // 4))).astype(np.float32))
    found = [np.zeros((4, width), dtype=np.float32) for _ in range(2)]
    decode("numpy", coding, raw, scaling, found[0])
    decode("numba", coding, raw, scaling, found[1])
    assert np.array_equal(found[0], found[1])
