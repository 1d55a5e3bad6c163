"""Decoding: every pattern of every format of up to 16 bits, against ml_dtypes and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rowscope.kernels import dispatch, formats
from rowscope.kernels.formats import FORMATS
from rowscope.kernels.results import RowColumns

from .. import naive

TORCH = {
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "F8_E8M0": torch.float8_e8m0fnu,
}
SMALL = [name for name in naive.WHOLE_BYTES if naive.bits(name) <= 16]


def every_pattern(dtype: str) -> np.ndarray:
    """All bit patterns, one a row: shape (2^bits, bytes)."""
    size = naive.bits(dtype) // 8
    return np.arange(1 << (8 * size), dtype=f"<u{size}").view(np.uint8).reshape(-1, size)


def decode(dtype: str, raw: np.ndarray) -> np.ndarray:
    return formats.to_float64(FORMATS[dtype], formats.unpack(FORMATS[dtype], raw))


@pytest.mark.parametrize("dtype", SMALL)
def test_every_pattern_decodes_as_ml_dtypes_does(dtype: str) -> None:
    raw = every_pattern(dtype)
    expected = naive.decode(dtype, raw.tobytes())
    np.testing.assert_array_equal(decode(dtype, raw).ravel(), expected)


@pytest.mark.parametrize("dtype", TORCH)
def test_every_pattern_decodes_as_torch_does(dtype: str) -> None:
    raw = every_pattern(dtype)
    expected = torch.from_numpy(raw.copy()).view(TORCH[dtype]).to(torch.float64)
    np.testing.assert_array_equal(decode(dtype, raw), expected.numpy())


@pytest.mark.parametrize("dtype", sorted({*SMALL, *naive.SUB_BYTE} & set(naive.FLOATS)))
def test_compiled_code_decodes_every_pattern(dtype: str) -> None:
    """Rows of one element (F6: four, F4: two): their sum is the value, or they are left to numpy."""
    form = FORMATS[dtype]
    if dtype in naive.SUB_BYTE:
        size = {4: 1, 6: 3}[form.bits]
        raw = np.arange(1 << 16, dtype="<u4").view(np.uint8).reshape(-1, 4)[:, :size].copy()
    else:
        raw = every_pattern(dtype)
    out = RowColumns.allocate(len(raw))
    dispatch.scan("numba", form, raw, out)
    values = decode(dtype, raw)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(out.sum, values.sum(axis=1))
    np.testing.assert_array_equal(out.min, values.min(axis=1))
    np.testing.assert_array_equal(out.max, values.max(axis=1))
    np.testing.assert_array_equal(out.zeros, (values == 0).sum(axis=1))


@pytest.mark.parametrize("dtype", naive.SUB_BYTE)
def test_elements_narrower_than_a_byte_come_lowest_bits_first(dtype: str) -> None:
    raw = np.random.default_rng(0).integers(0, 256, (200, 24), dtype=np.uint8)
    expected = [naive.decode(dtype, row.tobytes()) for row in raw]
    np.testing.assert_array_equal(decode(dtype, raw), expected)


def test_packed_four_bit_floats_are_ordered_as_in_torch() -> None:
    low_one_high_six = torch.tensor([0x72], dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    assert decode("F4", low_one_high_six.view(torch.uint8).numpy()[None]).tolist() == [[1.0, 6.0]]


@pytest.mark.parametrize("dtype", ["F32", "F64", "I32", "U32", "I64", "U64"])
def test_wide_elements_decode(dtype: str) -> None:
    raw = np.random.default_rng(1).integers(0, 256, (100, 64), dtype=np.uint8)
    np.testing.assert_array_equal(decode(dtype, raw), [naive.decode(dtype, row.tobytes()) for row in raw])


@pytest.mark.parametrize("dtype", naive.DTYPES)
def test_negative_zero_has_the_bits_of_zero_once_canonical(dtype: str) -> None:
    raw = np.random.default_rng(2).integers(0, 256, (64, 24), dtype=np.uint8)
    raw[::2] &= 0x88  # many zeros of either sign
    form = FORMATS[dtype]
    codes = formats.unpack(form, raw)
    clean = formats.canonical(form, codes)
    values, cleaned = formats.to_float64(form, codes), formats.to_float64(form, clean)
    np.testing.assert_array_equal(values, cleaned)
    assert not np.signbit(cleaned[cleaned == 0]).any()
    np.testing.assert_array_equal(codes[values != 0], clean[values != 0])


@pytest.mark.parametrize(
    ("dtype", "width", "size"),
    [("F4", 3, None), ("F4", 4, 2), ("F6_E2M3", 6, None), ("F6_E3M2", 8, 6), ("BF16", 5, 10)],
)
def test_rows_that_do_not_end_on_a_byte_have_no_size(dtype: str, width: int, size: int | None) -> None:
    assert FORMATS[dtype].row_bytes(width) == size
    assert size is None or FORMATS[dtype].width(size) == width
