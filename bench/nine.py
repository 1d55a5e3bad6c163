"""Nine statistics a row, as one would write them with torch, with numpy and with ml_dtypes.

The nine: numbers of zeros, NaN, positive and negative infinities; sum, sum of squares, sum of magnitudes, in
float64 each; least and greatest value. Every function works on blocks of rows that stay in the cache, which
was the fastest of the ways that were tried, and returns float64 of shape (9, rows).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STATISTICS = ("zeros", "nan", "pos_inf", "neg_inf", "sum", "sumsq", "l1", "min", "max")
"""In the order of the result, by their names in rowscope's row table."""


def torch_nine(matrix: Any, way: tuple[int, int]) -> Any:
    """With torch, for (rows, threads): each block once to float64, then one reduction for each statistic."""
    import torch

    rows, threads = way
    torch.set_num_threads(threads)
    found = torch.empty((9, matrix.shape[0]), dtype=torch.float64)
    for start in range(0, matrix.shape[0], rows):
        block = matrix[start : start + rows].double()
        out = found[:, start : start + rows]
        out[0] = (block == 0).sum(1)
        out[1] = block.isnan().sum(1)
        out[2] = block.isposinf().sum(1)
        out[3] = block.isneginf().sum(1)
        out[4] = block.sum(1)
        out[5] = (block * block).sum(1)
        out[6] = block.abs().sum(1)
        out[7] = block.amin(1)
        out[8] = block.amax(1)
    return found


def numpy_nine(matrix: NDArray[Any], rows: int) -> Floats:
    """With numpy alone: bfloat16 by shifting its bits, float8 by a table of its 256 values."""
    table = None
    if matrix.dtype.itemsize == 1:
        table = np.arange(256, dtype=np.uint8).view(matrix.dtype).astype(np.float64)
    bits = matrix.view(f"u{matrix.dtype.itemsize}")
    found = np.empty((9, matrix.shape[0]))
    for start in range(0, matrix.shape[0], rows):
        if table is not None:
            block = table[bits[start : start + rows]]
        elif matrix.dtype.name == "bfloat16":
            block = (bits[start : start + rows].astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        else:
            block = matrix[start : start + rows].astype(np.float64)
        _reduce(block, found[:, start : start + rows])
    return found


def ml_dtypes_nine(matrix: NDArray[Any], rows: int) -> Floats:
    """With numpy over ml_dtypes: `astype` decodes bfloat16 and float8."""
    found = np.empty((9, matrix.shape[0]))
    for start in range(0, matrix.shape[0], rows):
        _reduce(matrix[start : start + rows].astype(np.float64), found[:, start : start + rows])
    return found


def _reduce(block: Floats, out: Floats) -> None:
    out[0] = np.count_nonzero(block == 0, axis=1)
    out[1] = np.count_nonzero(np.isnan(block), axis=1)
    out[2] = np.count_nonzero(block == np.inf, axis=1)
    out[3] = np.count_nonzero(block == -np.inf, axis=1)
    out[4] = block.sum(axis=1)
    out[5] = np.einsum("ij,ij->i", block, block)
    out[6] = np.abs(block).sum(axis=1)
    out[7] = block.min(axis=1)
    out[8] = block.max(axis=1)
