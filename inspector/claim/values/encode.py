"""float64 values -> the bytes of a stored dtype, each rounded once, to the nearest, ties to even."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import RefusedError
from rowscope.kernels.formats import FORMATS, byte_values

Floats = NDArray[np.float64]

WRITABLE: Final = ("F64", "F32", "F16", "BF16", "F8_E5M2", "F8_E4M3", "F8_E5M2FNUZ", "F8_E4M3FNUZ")
"""Dtypes that new values can be written in."""

_NATIVE: Final = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
_BF16_BITS: Final = 8  # of the significand, the leading one included
_BF16_LEAST: Final = -126  # exponent of the smallest normal number


def encode(values: NDArray[np.float64], dtype: str, where: str) -> NDArray[np.uint8]:
    """Bytes of float64 `values` [n, d] in a safetensors dtype, uint8 [n, bytes of a row].

    Rounding is to the nearest value of the dtype, ties to the even code (IEEE 754 section 4.3.1), straight
    from float64. `where` names the tensor in messages.

    Raises:
        RefusedError: a dtype that is not in `WRITABLE`, or a value beyond the dtype's largest.
    """
    if dtype not in WRITABLE:
        raise RefusedError(
            f"{where!r} holds {dtype} elements, in which new rows cannot be written; "
            f"use --values keep, or a checkpoint in {', '.join(WRITABLE[:4])}",
            location=where,
        )
    with np.errstate(over="ignore"):
        if dtype in _NATIVE:
            codes: NDArray[Any] = values.astype(_NATIVE[dtype])
            finite = np.isfinite(codes)
        elif dtype == "BF16":
            rounded = _to_bf16(values)
            codes = (rounded.view("<u4") >> 16).astype("<u2")
            finite = np.isfinite(rounded)
        else:
            codes, finite = _to_byte(values, dtype)
    if not finite.all():
        value = float(values[~finite].flat[0])
        raise RefusedError(
            f"the value {value!r} of a new row does not fit the dtype {dtype} of {where!r}; "
            "use --values like:TOKEN or keep",
            location=where,
        )
    return np.ascontiguousarray(codes).view(np.uint8).reshape(values.shape[0], -1)


def _to_bf16(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The nearest bfloat16 numbers, as float32.

    Rounding to float32 first would round twice: a value just above a tie could become the tie.
    """
    _, exponent = np.frexp(values)
    step = np.maximum(exponent - 1, _BF16_LEAST) - (_BF16_BITS - 1)
    rounded: Floats = np.ldexp(np.rint(np.ldexp(values, -step)), step)
    return rounded.astype(np.float32)


def _to_byte(values: NDArray[np.float64], dtype: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Codes of the nearest 8-bit floats, and whether each value is within their range."""
    magnitudes = _magnitudes(dtype)
    size = np.abs(values)
    high = np.minimum(np.searchsorted(magnitudes, size), magnitudes.size - 1)
    low = np.maximum(high - 1, 0)
    above, below = magnitudes[high] - size, size - magnitudes[low]
    codes = np.where((below < above) | ((below == above) & (low % 2 == 0)), low, high)
    last = magnitudes[-1] + (magnitudes[-1] - magnitudes[-2]) / 2
    # A tie at the very end rounds to the even neighbour, which may be the first number that is not there.
    fits = (size < last) | ((size == last) & ((magnitudes.size - 1) % 2 == 0))
    signed = np.signbit(values) & ((codes > 0) | bool(FORMATS[dtype].sign_mask))
    return (codes | np.where(signed, 0x80, 0)).astype(np.uint8), fits


@cache
def _magnitudes(dtype: str) -> NDArray[np.float64]:
    """The finite values of the codes 0, 1, … without a sign, ascending: a value's place is its code."""
    values = byte_values(dtype)[:128]
    return values[: int(np.isfinite(values).sum())]
