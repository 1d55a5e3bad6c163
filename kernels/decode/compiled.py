"""The decoder of quantised rows, compiled: integers or 8-bit floats and their scales in, float32 out."""
# ruff: noqa: ANN001, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"

from __future__ import annotations

from typing import Any

from rowscope.kernels.vector.cells import advance
from rowscope.kernels.vector.unpack import UNIT, make_unpack


def make_decode(levels: str, bits: int, with_offset: bool) -> Any:  # noqa: ANN401 - a function of numba's language
    """The decoder for one kind of levels; `rowscope.kernels.arguments.Decoding` describes what it takes."""
    unpack = make_unpack(levels, bits, with_offset)

    def decode(rows):
        groups = -(-rows.width // rows.group)
        for r in range(rows.number):
            row = advance(rows.start, r * rows.stride)
            out = advance(rows.values, r * rows.width)
            for g in range(groups):
                first = g * rows.group
                units = min(rows.group, rows.width - first) // UNIT
                scale = rows.scale[r * rows.scale_step + g]
                shift = rows.shift[r * rows.shift_step + g * rows.shift_by_group]
                unpack(
                    advance(row, first // UNIT * bits), units, scale, shift, rows.flip, advance(out, first)
                )

    return decode
