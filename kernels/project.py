"""Dot products of rows with vectors, compiled, and one step of the power iteration in the same pass."""
# ruff: noqa: ANN001, ANN201, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np

from rowscope.kernels.decode import decode, prefetch_row
from rowscope.kernels.jit import kernel, part
from rowscope.kernels.prepare import TILE


@kernel
def project(rows, recipe, scratch, vectors, products, power):
    """Dot products of rows with `vectors` (k, d) to `products` (rows, k).

    The other arguments are described in `rowscope.kernels.prepare`.

    With `power` of shape (d,), not (0,), it gains X^T (X v) for the last vector v, over the finite rows X.
    """
    values = scratch.values
    count = rows.codes.shape[0]
    weights = np.empty(TILE)
    for first in range(0, count, TILE):
        for t in range(TILE):  # past the end the last row once more: its products are written again
            r = min(first + t, count - 1)
            prefetch_row(rows.words, r, rows.size)
            decode(rows.codes, r, recipe, values, scratch.bits, t)
        for k in range(vectors.shape[0]):
            _multiply(values, vectors, k, weights)
            for t in range(TILE):
                products[min(first + t, count - 1), k] = weights[t]
        if power.size > 0:
            for t in range(TILE):
                if first + t >= count or not np.isfinite(weights[t]):
                    _clear(values, t, weights)
            _add_weighted(values, weights, power)


@part
def _multiply(values, vectors, k, products):
    """Dot products of the rows of a tile with vector k."""
    p0, p1, p2, p3 = 0.0, 0.0, 0.0, 0.0
    for i in range(values.shape[1]):
        factor = vectors[k, i]
        p0 += np.float64(values[0, i]) * factor
        p1 += np.float64(values[1, i]) * factor
        p2 += np.float64(values[2, i]) * factor
        p3 += np.float64(values[3, i]) * factor
    products[0], products[1], products[2], products[3] = p0, p1, p2, p3


@part
def _clear(values, t, weights):
    """Make row t of the tile one that adds nothing."""
    weights[t] = 0.0
    for i in range(values.shape[1]):
        values[t, i] = 0.0


@part
def _add_weighted(values, weights, total):
    """Add the rows of a tile, each times its weight."""
    w0, w1, w2, w3 = weights[0], weights[1], weights[2], weights[3]
    for i in range(values.shape[1]):
        v0, v1 = np.float64(values[0, i]), np.float64(values[1, i])
        v2, v3 = np.float64(values[2, i]), np.float64(values[3, i])
        total[i] += (v0 * w0 + v1 * w1) + (v2 * w2 + v3 * w3)
