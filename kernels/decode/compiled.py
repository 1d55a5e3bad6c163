"""The decoder of quantised rows, compiled: integers or 8-bit floats and their scales in, float32 out.

Alone, or with the scan behind it, so that values never leave the nearest caches.
"""
# ruff: noqa: ANN001, ANN201, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"

from __future__ import annotations

from typing import Any

import numpy as np

from rowscope.kernels.arguments import Rows
from rowscope.kernels.compile.compiler import exact_part, inlined_part
from rowscope.kernels.formats import FORMATS
from rowscope.kernels.scan.group_sums import make_finish_plain
from rowscope.kernels.scan.row_quantities import make_add_rest, make_measure
from rowscope.kernels.scan.scan import make_scan_some
from rowscope.kernels.vector.cells import advance, make_code_at, prefetch
from rowscope.kernels.vector.decoded_pass import make_decoded_pass
from rowscope.kernels.vector.elements import LANES, UNIT, Packing
from rowscope.kernels.vector.numbers import widen
from rowscope.kernels.vector.unpack import make_unpack

_SIZE = 4  # bytes of a float32
_SIGN = np.uint64(1 << 31)


def make_decode(packing: Packing) -> Any:  # noqa: ANN401 - a function of numba's language
    """The decoder for one packing; `rowscope.kernels.arguments.Decoding` describes what it takes."""
    decode_some = make_decode_some(packing)

    def decode(stored):
        decode_some(stored, 0, stored.number)

    return decode


def make_scan_decoded(packing: Packing) -> Any:  # noqa: ANN401 - as above
    """The scan of decoded rows, `stored.room` at a time, whose values are left in `stored.values`: for the
    sums by group, and for the few rows that are passed over again.

    Where a group's sums would have to be taken again, about a pivot, `stored.again` is set: the caller scans
    the rows decoded.
    """
    form = FORMATS["F32"]
    prepare = make_widen_some() if packing.measured else make_decode_some(packing)
    measure = (make_measure_decoded if packing.measured else make_measure_ahead)(packing)
    scan_some, finish = make_scan_some(form, measure), make_finish_plain(form)

    def scan(stored, keys, groups, tile, out):
        size = stored.width * _SIZE
        for first in range(0, stored.number, stored.room):
            count = min(stored.room, stored.number - first)
            prepare(stored, first, count)
            rows = Rows(stored.values, count, size, stored.width, size)
            scan_some(rows, (stored, first), first, keys, groups, tile, out)
        for g in range(groups.number):
            if groups.rows[g] > 0 and finish(stored.width, g, groups):
                stored.again[0] = 1

    return scan


def make_measure_decoded(packing: Packing) -> Any:  # noqa: ANN401 - as above
    """As `rowscope.kernels.scan.row_quantities.make_measure`, of row t of the rows from `first` on, whose
    scales were widened; groups of several columns must be multiples of `LANES`."""
    form = FORMATS["F32"]
    decoded_pass, add_rest, code_at = make_decoded_pass(packing), make_add_rest(form), make_code_at(form)

    @inlined_part
    def measure(row, t, source, rows, keys):
        stored, first = source
        scale, shift = beside(stored, t)
        vectors = stored.width // LANES
        least, high, signed_high, zeros, prints, total, squares, magnitudes = decoded_pass(
            advance(stored.start, (first + t) * stored.stride),
            vectors,
            (stored.width - vectors * LANES) // UNIT,
            stored.groups,
            stored.group // LANES,
            scale,
            shift,
            stored.shift_by_group,
            stored.flip,
            keys.words,
            row,
        )
        bare = np.int64(least == _SIGN)
        for i in range(vectors * LANES, rows.width):
            code = code_at(row, i)
            zeros += np.uint64(code & ~_SIGN == 0)
            bare += np.int64(code == _SIGN)
        found = least & ~_SIGN, high, signed_high, prints, total, squares, magnitudes
        return add_rest(row, vectors * LANES, rows, keys, found), np.int64(zeros), bare

    return measure


@inlined_part
def beside(stored, t):
    """Where the widened scales and shifts of row t of a room begin."""
    shifts = stored.groups if stored.shift_by_group else 1
    scale, shift = stored.wide, advance(stored.wide, stored.room * stored.groups)
    if stored.scale_step:
        scale = advance(scale, t * stored.groups)
    if stored.shift_step:
        shift = advance(shift, t * shifts)
    return scale, shift


def make_widen_some() -> Any:  # noqa: ANN401 - as above
    """`widen_some(stored, first, count)`: scales and shifts of rows [first, first + count) into `wide`."""

    @exact_part
    def widen_some(stored, first, count):
        groups = stored.groups
        shifts = groups if stored.shift_by_group else 1
        for step, place, kind, each, out in (
            (stored.scale_step, stored.scale, stored.scale_kind, groups, stored.wide),
            (
                stored.shift_step,
                stored.shift,
                stored.shift_kind,
                shifts,
                advance(stored.wide, stored.room * groups),
            ),
        ):
            number = each * count if step else each
            widen(advance(place, first * step), number, kind, out)

    return widen_some


def make_measure_ahead(packing: Packing) -> Any:  # noqa: ANN401 - as above
    """As `rowscope.kernels.scan.row_quantities.make_measure`, of rows that were decoded. Meanwhile the stored
    bytes of a row of the next room are fetched: decoding them would wait for memory and nothing else."""
    measure_plain, bits = make_measure(FORMATS["F32"]), packing.bits

    @inlined_part
    def measure(row, t, source, rows, keys):
        stored, first = source
        ahead = min(first + stored.room + t, stored.number - 1)
        prefetch(advance(stored.start, ahead * stored.stride), stored.width // UNIT * bits)
        return measure_plain(row, t, source, rows, keys)

    return measure


def make_decode_some(packing: Packing) -> Any:  # noqa: ANN401 - as above
    """`decode_some(stored, first, count)`: rows [first, first + count) into the beginning of `values`."""
    unpack, bits, widen_some = make_unpack(packing), packing.bits, make_widen_some()

    @exact_part
    def decode_some(stored, first, count):
        widen_some(stored, first, count)
        for t in range(count):
            scale, shift = beside(stored, t)
            row = advance(stored.start, (first + t) * stored.stride)
            out = advance(stored.values, t * stored.width * _SIZE)
            for g in range(stored.groups):
                begin = g * stored.group
                units = min(stored.group, stored.width - begin) // UNIT
                place, target = advance(row, begin // UNIT * bits), advance(out, begin * _SIZE)
                unpack(place, units, scale[g], shift[g * stored.shift_by_group], stored.flip, target)

    return decode_some
