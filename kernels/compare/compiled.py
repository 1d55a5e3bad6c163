"""The pass over two matrices at once, compiled: raw codes in, distances and cosines out.

A pair of rows is compared code by code first, where both have one dtype: rows that fine-tuning left alone
are then done after one sum of squares. Rows that need care (a NaN, an infinity, squares outside float64) are
marked and left to the numpy engine.
"""
# ruff: noqa: ANN001, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"

from __future__ import annotations

from typing import Any

import numpy as np

from rowscope.kernels.compile.compiler import part
from rowscope.kernels.formats import Format
from rowscope.kernels.vector.cells import advance, make_strip_size, make_value_at, square_root
from rowscope.kernels.vector.pair_pass import differ, make_moments, make_squares

SMALLEST_SUM = 2.0**-900
"""Below this sum of squares a row of float64 may have lost digits to underflow."""


def make_compare(base_form: Format, tuned_form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """The comparison of rows of two formats; see `rowscope.kernels.arguments.Pairs`."""
    one_format = base_form.name == tuned_form.name
    base_is_wide, tuned_is_wide = base_form.bits == 64, tuned_form.bits == 64
    measure, square = make_measure(base_form, tuned_form), make_square(base_form)

    def compare(base, tuned, out):
        for r in range(base.number):
            x, y = advance(base.start, r * base.stride), advance(tuned.start, r * tuned.stride)
            if one_format and _same_codes(x, y, base.size):
                xx = square(x, base)
                yy, dd, xy, changed = xx, 0.0, xx, 0
            else:
                xx, yy, dd, xy, changed = measure(x, y, base)
            small = base_is_wide and min(xx, yy) < SMALLEST_SUM
            small |= tuned_is_wide and (yy < SMALLEST_SUM or (changed > 0 and dd < SMALLEST_SUM))
            # Not np.isfinite: numba tests v - v, which sums that may be reordered can fold to 0.
            out.marked[r] = small or not xx + yy + dd < np.inf
            if out.marked[r]:
                continue
            out.finite[r] = True
            out.changed[r] = changed
            out.norm_base[r], out.norm_tuned[r] = square_root(xx), square_root(yy)
            if xx > 0 and yy > 0:
                cosine = xy / square_root(xx) / square_root(yy)
                out.cosine[r] = min(max(cosine, -1.0), 1.0) if changed > 0 else 1.0
            else:
                out.cosine[r] = np.nan
            out.distance[r] = square_root(dd) if changed > 0 else 0.0

    return compare


def make_measure(base_form: Format, tuned_form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`measure(x, y, rows)`: the moments of two rows."""
    moments, strip = make_moments(base_form, tuned_form), make_strip_size(base_form)
    base_at, tuned_at = make_value_at(base_form), make_value_at(tuned_form)

    @part
    def measure(x, y, rows):
        strips = rows.width // strip()
        xx, yy, dd, xy, changed = moments(x, y, strips)
        for i in range(strips * strip(), rows.width):
            a, b = base_at(x, i), tuned_at(y, i)
            d = b - a
            xx += a * a
            yy += b * b
            dd += d * d
            xy += a * b
            changed += a != b
        return xx, yy, dd, xy, changed

    return measure


def make_square(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`square(x, rows)`: the sum of squares of a row."""
    squares, strip, value_at = make_squares(form), make_strip_size(form), make_value_at(form)

    @part
    def square(x, rows):
        strips = rows.width // strip()
        total = squares(x, strips)
        for i in range(strips * strip(), rows.width):
            value = value_at(x, i)
            total += value * value
        return total

    return square


@part
def _same_codes(x, y, size):
    blocks = size // 64
    if differ(x, y, blocks) != 0:
        return False
    difference = np.uint8(0)
    for i in range(blocks * 64, size):
        difference |= x[i] ^ y[i]
    return difference == 0
