"""The fused row pass, compiled: raw bits in, per-row quantities and sums per group out.

A row is read once, block by block (`rowscope.kernels.vector.row_pass`); what is left behind the last whole
block goes element by element. Rows of one group wait in a tile until there are enough of them to add to the
group's column sums together, while their bytes are still in the nearest caches.
"""
# ruff: noqa: ANN001, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"

from __future__ import annotations

from typing import Any

import numpy as np

from rowscope.kernels.arguments import TILE
from rowscope.kernels.compile.compiler import part
from rowscope.kernels.formats import Format
from rowscope.kernels.limits import floor_code, limit_code
from rowscope.kernels.scan.group_sums import make_finish, make_sum_tile, put
from rowscope.kernels.scan.row_quantities import (
    make_hash_clean,
    make_measure,
    make_square_deviations,
    mix,
)
from rowscope.kernels.vector.cells import advance, make_value_of


def make_scan(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """The scan for rows of a format; `rowscope.kernels.arguments` describes what it takes."""
    scan_some, finish = make_scan_some(form, make_measure(form)), make_finish(form)

    def scan(rows, keys, groups, tile, out):
        scan_some(rows, rows, 0, keys, groups, tile, out)
        for g in range(groups.number):
            if groups.rows[g] > 0:
                finish(rows, g, groups, tile, out)

    return scan


def make_scan_some(form: Format, measure: Any) -> Any:  # noqa: ANN401 - functions of numba's language
    """`scan_some(rows, source, first, keys, groups, tile, out)`: rows whose results go to the entries from
    `first` on; their sums by group are added, and not yet finished. `measure` and `source` are those of
    `make_measure`."""
    sign = np.uint64(1 << (form.lane.itemsize * 8 - 1))
    limit, floor = limit_code(form), floor_code(form)
    negative_zero = form.sign_mask != 0
    hash_clean = make_hash_clean(form)
    square_deviations, value_of = make_square_deviations(form), make_value_of(form)
    sum_tile = make_sum_tile(form)

    @part
    def scan_some(rows, source, first, keys, groups, tile, out):
        waiting, group = 0, -1  # rows of the tile that wait to be added to the sums of their group
        for t in range(rows.number):
            r = first + t
            row = advance(rows.start, t * rows.stride)
            found, zeros, bare = measure(row, t, source, rows, keys)
            least, high, signed_high, prints, total, squares, magnitudes = found
            negative, positive = high >= sign, signed_high < sign
            low = high if negative else least
            top = signed_high if positive else sign | least
            out.min[r], out.max[r] = value_of(low), value_of(top)
            most = max(high ^ sign if negative else least, signed_high if positive else least)
            special = most >= limit or np.uint64(0) < most < floor
            out.zeros[r] = zeros
            if bare > 0:
                prints = hash_clean(row, rows, keys.words)
                special |= not negative_zero
            out.fingerprint[r] = mix(prints)
            out.special[r] = special
            if special:
                continue
            out.sum[r], out.sumsq[r], out.l1[r] = total, squares, magnitudes
            out.m2[r] = 0.0 if low == top else square_deviations(row, rows, total, squares)
            if groups.number > 0 and groups.member[r] >= 0:
                if waiting == TILE or (waiting > 0 and groups.member[r] != group):
                    sum_tile(rows, waiting, group, groups, tile, keys.upper)
                    waiting = 0
                group = groups.member[r]
                groups.rows[group] += 1
                groups.unit_rows[group] += squares > 0
                groups.squares[group] += squares
                put(tile, waiting, t, rows, squares)
                waiting += 1
        if waiting > 0:
            sum_tile(rows, waiting, group, groups, tile, keys.upper)

    return scan_some
