"""Which rows the compiled kernels leave to the numpy engine, by the codes of their magnitudes."""

from __future__ import annotations

import numpy as np

from rowscope.kernels.formats import Format
from rowscope.kernels.plain.numpy_engine import LARGEST_PLAIN, SMALLEST_PLAIN


def limit_code(form: Format) -> np.uint64:
    """A row with a magnitude of this code or a greater one is left out: one that is no finite number, or
    (F64) one whose square leaves float64's range."""
    bits = form.lane.itemsize * 8
    if form.name == "F64":  # positive floats are ordered as their bits are
        return np.float64(LARGEST_PLAIN).view(np.uint64)
    if form.specials == "ieee":
        return np.uint64(((1 << form.exponent) - 1) << (bits - 1 - form.exponent))
    return np.uint64((1 << (bits - 1)) - (form.specials == "ones"))


def floor_code(form: Format) -> np.uint64:
    """A row whose largest magnitude is below this code, and not 0, is left out: its squares lose digits."""
    return np.float64(SMALLEST_PLAIN).view(np.uint64) if form.name == "F64" else np.uint64(0)
