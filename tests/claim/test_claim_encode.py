"""Rounding to stored dtypes, against ml_dtypes, numpy, torch and exact fractions."""

from __future__ import annotations

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rowscope.inspector.claim.values.encode import WRITABLE, encode
from rowscope.inspector.errors import RefusedError

ORACLES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
}


def decoded(raw: NDArray[np.uint8], dtype: str) -> NDArray[np.float64]:
    return raw.view(ORACLES[dtype]).astype(np.float64)


def test_every_writable_dtype_has_an_oracle() -> None:
    assert set(WRITABLE) == set(ORACLES)


@pytest.mark.parametrize("dtype", WRITABLE)
def test_every_number_of_the_dtype_comes_back(dtype: str) -> None:
    oracle = np.dtype(ORACLES[dtype])
    bits = np.arange(1 << min(16, 8 * oracle.itemsize), dtype=np.uint64) << max(0, 8 * oracle.itemsize - 16)
    codes = bits.astype(f"u{oracle.itemsize}")
    with np.errstate(invalid="ignore"):
        values = codes.view(oracle).astype(np.float64)
    finite = np.isfinite(values)
    raw = encode(values[finite][:, None], dtype, "t")
    assert np.array_equal(raw.view(codes.dtype)[:, 0], codes[finite])


@pytest.mark.parametrize("dtype", [name for name in WRITABLE if name.startswith("F8")])
def test_eight_bit_ties_go_to_the_even_code(dtype: str) -> None:
    codes = np.arange(127, dtype=np.uint8)
    values = codes.view(ORACLES[dtype]).astype(np.float64)
    values = values[np.isfinite(values)]
    # ml_dtypes goes by way of float32, in which these points and their neighbours are exact.
    ties = ((values[:-1] + values[1:]) / 2).astype(np.float32)
    below, above = (np.nextafter(ties, np.float32(end)) for end in (0, np.inf))
    for points in (part.astype(np.float64) for part in (ties, below, above, -ties, -above)):
        expected = points.astype(ORACLES[dtype]).view(np.uint8)
        assert np.array_equal(encode(points[:, None], dtype, "t")[:, 0], expected)


def nearest_bf16(value: float) -> float:
    """By exact arithmetic: eight significant bits, exponents from -126 on, ties to an even last bit."""
    if value == 0:
        return value
    exact = Fraction(value)
    exponent = max(int(np.frexp(value)[1]) - 1, -126) - 7
    step = Fraction(2) ** exponent
    return float(round(exact / step) * step)  # round() of a fraction takes the even neighbour of a tie


@settings(deadline=None)
@given(st.lists(st.floats(-3e38, 3e38), min_size=1, max_size=20))
def test_bf16_rounds_once(values: list[float]) -> None:
    raw = encode(np.array([values]), "BF16", "t")
    assert decoded(raw, "BF16")[0].tolist() == [nearest_bf16(value) for value in values]


def test_bf16_just_above_a_tie() -> None:
    """By way of float32 the first would become the tie and round down."""
    above, tie = 1 + 2**-8 + 2**-40, 1 + 2**-8
    assert decoded(encode(np.array([[above, tie, -above]]), "BF16", "t"), "BF16").tolist() == [
        [1 + 2**-7, 1.0, -1 - 2**-7]
    ]


@settings(deadline=None)
@given(st.lists(st.floats(-60000, 60000) | st.floats(-1e-4, 1e-4), min_size=1, max_size=20))
def test_f16_and_f32_as_torch_rounds(values: list[float]) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    array = np.array([values])
    for dtype, kind in (("F32", torch.float32), ("F16", torch.float16)):
        single = array.astype(np.float32).astype(np.float64)
        expected = torch.tensor(single.astype(np.float32)).to(kind).numpy()
        assert np.array_equal(encode(single, dtype, "t").view(ORACLES[dtype]), expected)


@pytest.mark.parametrize("dtype", WRITABLE)
def test_what_does_not_fit_is_refused(dtype: str) -> None:
    top = float(ml_dtypes.finfo(ORACLES[dtype]).max)
    assert decoded(encode(np.array([[top, -top]]), dtype, "t"), dtype).tolist() == [[top, -top]]
    for value in (np.nan, np.inf, *(() if dtype == "F64" else (1.5 * top, -1.5 * top))):
        with pytest.raises(RefusedError, match="does not fit"):
            encode(np.array([[1.0, value]]), dtype, "t")


@pytest.mark.parametrize("dtype", ["I8", "U8", "F8_E8M0", "F4", "BOOL"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(RefusedError, match=dtype):
        encode(np.ones((1, 4)), dtype, "t")
