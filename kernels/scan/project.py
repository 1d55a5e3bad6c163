"""Dot products of rows with vectors, compiled, and one step of the power iteration in the same pass."""
# ruff: noqa: ANN001, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"

from __future__ import annotations

from typing import Any

import numpy as np

from rowscope.kernels.compile.compiler import part
from rowscope.kernels.formats import Format
from rowscope.kernels.vector.cells import advance, make_strip_size, make_value_at
from rowscope.kernels.vector.tile_pass import make_add_weighted, make_multiply

TOGETHER = 4
"""Rows that are multiplied together: each vector is loaded once for all of them."""


def make_project(form: Format, vectors: int) -> Any:  # noqa: ANN401 - a function of numba's language
    """Dot products of rows of a format with so many vectors; see `rowscope.kernels.arguments.Products`."""
    multiply, add_weighted = make_multiply(form, TOGETHER, vectors), make_add_weighted(form)
    strip, value_at = make_strip_size(form), make_value_at(form)

    def project(rows, tile, wanted):
        strips = rows.width // strip()
        for first in range(0, rows.number, TOGETHER):
            for t in range(TOGETHER):  # past the end the last row once more: its products are not kept
                tile.offsets[t] = min(first + t, rows.number - 1) * rows.stride
            multiply(rows.start, tile.offsets, strips, wanted.vectors, rows.width, tile.products)
            for t in range(min(TOGETHER, rows.number - first)):
                row = advance(rows.start, tile.offsets[t])
                for k in range(vectors):
                    product = tile.products[t * vectors + k]
                    for i in range(strips * strip(), rows.width):
                        product += value_at(row, i) * wanted.vectors[k * rows.width + i]
                    wanted.products[(first + t) * vectors + k] = product
            if wanted.with_power:
                _add_power(rows, first, tile, wanted)

    @part
    def _add_power(rows, first, tile, wanted):
        kept = 0
        for t in range(min(TOGETHER, rows.number - first)):
            weight = wanted.products[(first + t) * vectors + vectors - 1]
            if abs(weight) < np.inf:  # not np.isfinite: numba tests w - w, which can be folded to 0
                tile.offsets[kept], tile.scales[kept] = tile.offsets[t], weight
                kept += 1
        strips = rows.width // strip()
        add_weighted(rows.start, tile.offsets, tile.scales, kept, strips, wanted.power)
        for i in range(strips * strip(), rows.width):
            for t in range(kept):
                row = advance(rows.start, tile.offsets[t])
                wanted.power[i] += value_at(row, i) * tile.scales[t]

    return project
