"""Both engines against the naive oracle: every dtype, every kind of row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowscope.kernels import dispatch, fingerprint, formats
from rowscope.kernels.formats import FORMATS
from rowscope.kernels.results import RowColumns

from .. import naive

ENGINES = ("numpy", "numba")
COUNTS = ("zeros", "nan", "pos_inf", "neg_inf")
EXACT = (*COUNTS, "min", "max")
WIDTHS = (8, 24, 136)


def scan(engine: str, dtype: str, raw: np.ndarray) -> RowColumns:
    out = RowColumns.allocate(len(raw))
    dispatch.scan(engine, FORMATS[dtype], raw, out)
    return out


def random_bits(dtype: str, width: int, rows: int = 40) -> np.ndarray:
    size = width * naive.bits(dtype) // 8
    return np.random.default_rng(width).integers(0, 256, (rows, size), dtype=np.uint8)


def typical(dtype: str, width: int) -> np.ndarray:
    random = np.random.default_rng(width)
    values = random.normal(size=(40, width)) * 2.0 ** random.integers(-6, 3, (40, 1))
    values[5:10] += 3  # a mean far from 0
    values[10] = np.abs(values[10]) + 0.5  # no negative
    values[11] = -np.abs(values[11]) - 0.5  # no positive
    values[12, 1:] = 0
    values[13, ::2] = 0
    values[14, ::3] = -0.0
    values[15] = -0.0
    values[16] = 0
    values[17] = 1.25  # constant
    values[18] = -1.25
    values[19, 0] = 100  # one outlier
    return naive.encode(dtype, values)


def extreme(dtype: str, width: int) -> np.ndarray:
    """The largest, smallest and subnormal numbers of a format, and those that are none."""
    size = naive.bits(dtype) // 8
    codes = np.random.default_rng(width).integers(0, 256, (40, width * size), dtype=np.uint8)
    lanes = codes.view(f"<u{size}")
    top, bits = np.uint64(1 << (8 * size - 1)), 8 * size
    mantissa = {"F64": 52, "F32": 23, "F16": 10, "BF16": 7, "F8_E4M3": 3, "F8_E5M2": 2}.get(dtype, bits // 4)
    lanes[:10] &= np.array((1 << mantissa) - 1 | int(top), lanes.dtype)  # subnormals of both signs
    lanes[10:20] |= np.array(
        ((1 << (bits - 1)) - 1) ^ ((1 << (mantissa + 1)) - 1), lanes.dtype
    )  # the largest
    lanes[20:24, 1:] = 0
    lanes[24:28] = int(top) - 1  # all ones after the sign
    lanes[28:32] = int(top)  # the sign alone
    lanes[32:36, 0] = ((1 << (bits - 1)) - 1) ^ ((1 << mantissa) - 1)  # infinity in IEEE formats
    return codes


def check(engine: str, dtype: str, raw: np.ndarray) -> None:
    found = scan(engine, dtype, raw)
    for at, row in enumerate(raw):
        values = naive.decode(dtype, row.tobytes())
        expected = naive.row(values)
        for name in EXACT:
            same(getattr(found, name)[at], expected[name], 0.0, name)
        scale = expected["l1"] if math.isfinite(expected["l1"]) else math.inf
        same(found.sum[at], expected["sum"], 1e-12 * scale, "sum")
        same(found.l1[at], expected["l1"], 1e-12 * scale, "l1")
        same(found.sumsq[at], expected["sumsq"], 1e-12 * expected["sumsq"], "sumsq")
        if "norm" in expected:
            rounding = 1e-13 * expected["norm"] ** 2 if expected["norm"] < 1e150 else 0.0
            same(found.m2[at], expected["m2"], 1e-10 * expected["m2"] + rounding * 1e-13, "m2")
        else:
            assert math.isnan(found.m2[at])


def same(found: float, expected: float, tolerance: float, name: str) -> None:
    if math.isnan(expected) or math.isinf(expected):
        assert found == expected or (math.isnan(found) and math.isnan(expected)), (name, found, expected)
    else:
        assert abs(found - expected) <= tolerance, (name, found, expected)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", naive.DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_random_bits(engine: str, dtype: str, width: int) -> None:
    check(engine, dtype, random_bits(dtype, width))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", naive.DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_typical_rows(engine: str, dtype: str, width: int) -> None:
    if dtype in naive.FLOATS:
        check(engine, dtype, typical(dtype, width))
    else:
        check(engine, dtype, random_bits(dtype, width) & 0x0F)


@pytest.mark.parametrize("dtype", [name for name in naive.WHOLE_BYTES if name in naive.FLOATS])
@pytest.mark.parametrize("engine", ENGINES)
def test_extreme_rows(engine: str, dtype: str) -> None:
    for width in WIDTHS:
        check(engine, dtype, extreme(dtype, width))


@pytest.mark.parametrize("width", [1, 2, 3, 5, 7, 9, 31, 129, 257])
@pytest.mark.parametrize("dtype", [name for name in naive.WHOLE_BYTES if name in naive.FLOATS])
def test_widths_that_fill_no_word_or_vector(dtype: str, width: int) -> None:
    for raw in (random_bits(dtype, width, 12), typical_prefix(dtype, width)):
        check("numba", dtype, raw)


def typical_prefix(dtype: str, width: int) -> np.ndarray:
    return np.ascontiguousarray(typical(dtype, width + 8)[:, : width * naive.bits(dtype) // 8])


@pytest.mark.parametrize("dtype", naive.DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_no_rows_and_no_columns(engine: str, dtype: str) -> None:
    assert scan(engine, dtype, np.empty((0, 24), np.uint8)).sum.shape == (0,)
    empty = scan(engine, dtype, np.empty((3, 0), np.uint8))
    assert empty.zeros.tolist() == [0, 0, 0]
    assert empty.sum.tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(empty.min).all()


@pytest.mark.parametrize("dtype", naive.DTYPES)
def test_engines_agree_on_fingerprints_to_the_bit(dtype: str) -> None:
    for width in (*WIDTHS, 40):
        raw = np.concatenate([random_bits(dtype, width), random_bits(dtype, width) & 0x88])
        np.testing.assert_array_equal(
            scan("numpy", dtype, raw).fingerprint, scan("numba", dtype, raw).fingerprint
        )


@pytest.mark.parametrize("dtype", ["BF16", "F8_E5M2FNUZ", "I8", "F4"])
def test_fingerprints_tell_rows_apart_and_zeros_of_either_sign_alike(dtype: str) -> None:
    width = 48
    size = width * naive.bits(dtype) // 8
    raw = np.concatenate([np.zeros((2, size), np.uint8), np.eye(size, dtype=np.uint8)])  # one bit in each
    prints = scan("numpy", dtype, raw).fingerprint.tolist()
    assert prints[0] == prints[1]
    assert len(set(prints)) == size + 1
    if FORMATS[dtype].sign_mask:
        negative = naive.encode(dtype, np.full((1, width), -0.0))
        assert scan("numpy", dtype, negative).fingerprint[0] == prints[0]


def test_fingerprint_is_the_published_sum() -> None:
    """Worked out with Python's integers for one row of three words."""
    words = [0x0123456789ABCDEF, 0xFF7F3F80BF800001, 0x8001000000000001]
    total = 24
    for word, key in zip(words, fingerprint.keys(3).tolist(), strict=True):
        mixed = (word + key) % 2**64
        total += (mixed % 2**32) * (mixed >> 32)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        total %= 2**64
        total = (total ^ (total >> shift)) * factor
    total %= 2**64
    raw = np.array([words], "<u8").view(np.uint8)
    assert scan("numba", "BF16", raw).fingerprint[0] == total ^ (total >> 31)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), dtype=st.sampled_from(naive.FLOATS))
def test_any_bytes(data: st.DataObject, dtype: str) -> None:
    """Rows of any bits, and of bits that repeat, mean the same to both engines and to the oracle."""
    size = 3 * data.draw(st.integers(1, 20), label="size") * max(naive.bits(dtype) // 8, 1)
    pool = data.draw(st.lists(st.binary(min_size=size, max_size=size), min_size=1, max_size=4))
    raw = np.frombuffer(b"".join(pool), np.uint8).reshape(-1, size)
    for engine in ENGINES:
        check(engine, dtype, raw)


def test_unaligned_rows_are_read_right() -> None:
    buffer = np.zeros(1 + 40 * 48, np.uint8)
    rows = buffer[1:].reshape(40, 48)
    rows[:] = random_bits("F32", 12)
    check("numba", "F32", rows)
    check("numba", "F32", np.asfortranarray(rows))


def test_formats_that_compiled_code_does_not_know_are_scanned_by_numpy() -> None:
    assert dispatch.choose_engine(FORMATS["I8"], 10**12) == "numpy"
    assert dispatch.choose_engine(FORMATS["BF16"], 10**12) == "numba"
    assert dispatch.choose_engine(FORMATS["BF16"], 100) == "numpy"
    assert {name for name, form in FORMATS.items() if form.family == "float"} == set(naive.FLOATS)
    assert set(formats.FORMATS) == set(naive.DTYPES)
