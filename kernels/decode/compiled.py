"""The decoder of quantised rows, compiled: integers or 8-bit floats and their scales in, float32 out.

Alone, or with the scan behind it, so that values never leave the nearest caches.
"""
# ruff: noqa: ANN001, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"

from __future__ import annotations

from typing import Any

from rowscope.kernels.arguments import Rows
from rowscope.kernels.compile.compiler import exact_part
from rowscope.kernels.formats import FORMATS
from rowscope.kernels.scan.group_sums import make_finish_plain
from rowscope.kernels.scan.scan import make_scan_some
from rowscope.kernels.vector.cells import advance
from rowscope.kernels.vector.elements import UNIT, Packing
from rowscope.kernels.vector.numbers import widen
from rowscope.kernels.vector.unpack import make_unpack

_SIZE = 4  # bytes of a float32


def make_decode(packing: Packing) -> Any:  # noqa: ANN401 - a function of numba's language
    """The decoder for one packing; `rowscope.kernels.arguments.Decoding` describes what it takes."""
    decode_some = make_decode_some(packing)

    def decode(stored):
        decode_some(stored, 0, stored.number)

    return decode


def make_scan_decoded(packing: Packing) -> Any:  # noqa: ANN401 - as above
    """The scan of decoded rows: `stored.room` rows at a time are decoded into `stored.values` and scanned.

    Measuring values in the registers that they were decoded in was slower. Where a group's sums would have to
    be taken again, about a pivot, `stored.again` is set: the caller scans the rows decoded.
    """
    decode_some = make_decode_some(packing)
    scan_some, finish = make_scan_some(FORMATS["F32"]), make_finish_plain(FORMATS["F32"])

    def scan(stored, keys, groups, tile, out):
        size = stored.width * _SIZE
        for first in range(0, stored.number, stored.room):
            count = min(stored.room, stored.number - first)
            decode_some(stored, first, count)
            scan_some(Rows(stored.values, count, size, stored.width, size), first, keys, groups, tile, out)
        for g in range(groups.number):
            if groups.rows[g] > 0 and finish(stored.width, g, groups):
                stored.again[0] = 1

    return scan


def make_decode_some(packing: Packing) -> Any:  # noqa: ANN401 - as above
    """`decode_some(stored, first, count)`: rows [first, first + count) into the beginning of `values`."""
    unpack, bits = make_unpack(packing), packing.bits

    @exact_part
    def decode_some(stored, first, count):
        groups = -(-stored.width // stored.group)
        shifts = groups if stored.shift_by_group else 1
        scale, shift = stored.wide, advance(stored.wide, stored.room * groups)
        scale_step, shift_step = groups if stored.scale_step else 0, shifts if stored.shift_step else 0
        start = advance(stored.scale, first * stored.scale_step)
        widen(start, groups + (count - 1) * scale_step, stored.scale_kind, scale)
        start = advance(stored.shift, first * stored.shift_step)
        widen(start, shifts + (count - 1) * shift_step, stored.shift_kind, shift)
        for t in range(count):
            row = advance(stored.start, (first + t) * stored.stride)
            out = advance(stored.values, t * stored.width * _SIZE)
            for g in range(groups):
                begin = g * stored.group
                units = min(stored.group, stored.width - begin) // UNIT
                place, target = advance(row, begin // UNIT * bits), advance(out, begin * _SIZE)
                factor = scale[t * scale_step + g]
                moved = shift[t * shift_step + g * stored.shift_by_group]
                unpack(place, units, factor, moved, stored.flip, target)

    return decode_some
