"""Chooses between the numpy engine and the compiled kernels, and calls them alike."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels import formats, numpy_engine, prepare
from rowscope.kernels.formats import Format
from rowscope.kernels.results import Floats, GroupSums, RowColumns

Engine = Literal["numba", "numpy"]

WORTH_LOADING = 40_000_000
"""Elements from which the compiled kernels win although numba and they have to be loaded first."""

WORTH_CALLING = 200_000
"""Elements from which they win once they are there."""

_import_lock = threading.Lock()


def choose_engine(form: Format, elements: int) -> Engine:
    """The faster engine for so many elements of a format."""
    if not _compilable(form):
        return "numpy"
    loaded = "rowscope.kernels.scan" in sys.modules
    return "numba" if elements >= (WORTH_CALLING if loaded else WORTH_LOADING) else "numpy"


def scan(
    engine: Engine,
    form: Format,
    raw: NDArray[np.uint8],
    out: RowColumns,
    groups: NDArray[np.int8] | None = None,
    sums: GroupSums | None = None,
) -> None:
    """Fill `out` with the quantities of the rows `raw`, shape (rows, row_bytes).

    Adds the finite rows of group >= 0 to `sums`. No rows at all make the engine ready and do nothing else.
    """
    if engine == "numpy" or not _compilable(form) or raw.shape[1] == 0:
        numpy_engine.scan(form, raw, out, groups, sums)
        return
    special = _scan_compiled(form, raw, out, groups, sums)
    if special.size:
        redone = RowColumns.allocate(special.size)
        members = None if groups is None else groups[special]
        numpy_engine.scan(form, raw[special], redone, members, sums)
        out.put(special, redone)


def project(
    engine: Engine, form: Format, raw: NDArray[np.uint8], vectors: Floats, power: Floats | None = None
) -> Floats:
    """Dot products of rows with `vectors` (k, d), shape (rows, k).

    Adds X^T (X v) for the last vector v, over the finite rows X, to `power` of shape (d,).
    """
    if engine == "numpy" or not _compilable(form) or raw.shape[1] == 0:
        return numpy_engine.project(form, raw, vectors, power)
    products = np.empty((raw.shape[0], vectors.shape[0]))
    _compiled("project")(
        prepare.rows(form, raw),
        prepare.recipe(form),
        prepare.scratch(form, vectors.shape[1]),
        np.ascontiguousarray(vectors, dtype=np.float64),
        products,
        np.empty(0) if power is None else power,
    )
    return products


def _scan_compiled(
    form: Format,
    raw: NDArray[np.uint8],
    out: RowColumns,
    groups: NDArray[np.int8] | None,
    sums: GroupSums | None,
) -> NDArray[np.int64]:
    """Scan with the compiled kernel; returns the positions of the rows that it left out."""
    count = raw.shape[0]
    low, high = np.empty(count, form.lane), np.empty(count, form.lane)
    special = np.empty(count, dtype=np.uint8)
    if groups is None or sums is None:
        groups, sums = np.empty(0, dtype=np.int8), GroupSums.allocate(0, 0)
    _compiled("scan")(
        prepare.rows(form, raw),
        prepare.recipe(form),
        prepare.scratch(form, form.width(raw.shape[1])),
        groups,
        prepare.Sums(sums.rows, sums.pivot, sums.shift, sums.squares, sums.unit_rows, sums.unit_sum),
        prepare.Outputs(out.zeros, out.sum, out.sumsq, out.l1, out.m2, low, high, out.fingerprint, special),
    )
    with np.errstate(invalid="ignore"):  # rows left out may hold signalling NaN here
        out.min[:] = formats.to_float64(form, low) + 0.0  # + 0.0: -0 becomes +0
        out.max[:] = formats.to_float64(form, high) + 0.0
    return np.flatnonzero(special)


def _compilable(form: Format) -> bool:
    """The kernels know formats with sign, exponent and mantissa; the others hardly ever hold rows."""
    return form.family == "float" and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


def _compiled(name: Literal["scan", "project"]) -> Any:  # noqa: ANN401 - a compiled function
    with _import_lock:  # two threads that import numba at once can see it half made
        if name == "scan":
            from rowscope.kernels.scan import scan as compiled
        else:
            from rowscope.kernels.project import project as compiled
    return compiled
