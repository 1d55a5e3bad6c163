"""Columns of many rows for a page: no more bits than pictures and tables need, deflated, in base64."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.render.html.scale import Scale

STEPS: Final = 65_534
"""Steps of a packed real number: code 0 is no number, 1 the scale's lower end, 65,535 its upper end."""

_FINE: Final = 16  # 4,096 steps: more than a picture has pixels
_COARSE: Final = 128  # 512 steps: dots are two pixels wide, and a picture has a thousand

_AT_ONCE: Final = 1 << 18
"""Numbers that are packed together: their intermediate results take ten times their memory."""


def packed(data: bytes) -> str:
    """zlib's format in base64, which no markup can hide in."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


def packed_texts(texts: Iterable[str]) -> str:
    """Texts that hold no line feed, one a line, in UTF-8."""
    return packed("\n".join(texts).encode())


def packed_integers(values: NDArray[Any], size: int = 4) -> dict[str, Any]:
    """Integers [n] below 256**size as byte planes, the lowest first: high ones deflate to nothing."""
    planes = values.astype(f"<u{size}").view(np.uint8).reshape(-1, size).T
    return {"bytes": size, "data": packed(planes.tobytes())}


def packed_reals(
    values: NDArray[np.floating[Any]],
    scale: Scale,
    coarse: NDArray[np.bool_] | None = None,
    *,
    few: bool = True,
) -> dict[str, Any]:
    """Reals [n] in 65,534 steps along `scale`; those not finite are told apart from all others.

    `coarse` bool [n] are rows that only pictures show: 4,096 steps are enough, 512 where there are not `few`.
    """
    codes = np.zeros(values.size, dtype=np.uint16)
    for start in range(0, values.size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        codes[part] = _steps(values[part], scale, None if coarse is None else coarse[part], few)
    axis = {"low": scale.low, "high": scale.high, "log": scale.log}
    return {**packed_integers(codes, 2), **axis}


def _steps(
    values: NDArray[np.floating[Any]], scale: Scale, coarse: NDArray[np.bool_] | None, few: bool
) -> NDArray[np.int64]:
    finite = np.isfinite(values)
    codes = np.zeros(values.size, dtype=np.int64)
    codes[finite] = 1 + np.rint(scale.share(values[finite]) * STEPS).astype(np.int64)
    if coarse is not None:
        kept = finite & coarse
        step = _FINE if few else _COARSE
        codes[kept] = np.minimum(1 + codes[kept] // step * step + step // 2, STEPS)
    return codes
