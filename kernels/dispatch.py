"""Chooses between the numpy engine and the compiled kernels, and calls them alike."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels import arguments, fingerprint
from rowscope.kernels.arguments import MOST_VECTORS, UPPER, Groups, Keys, Outputs, Products, Tile
from rowscope.kernels.compile import machine_code
from rowscope.kernels.compile.machine_code import Engine
from rowscope.kernels.formats import Format
from rowscope.kernels.lines import copy_on_lines
from rowscope.kernels.plain import numpy_engine
from rowscope.kernels.results import Floats, GroupSums, RowColumns

WORTH_COMPILING = 400_000_000
"""Elements from which the compiled kernels win although they have to be compiled first."""


def choose_engine(form: Format, elements: int, kernel: str = "scan", *variant: str) -> Engine:
    """The faster engine for so many elements of a format: of a scan, or of `kernel`."""
    if not _compilable(form):
        return "numpy"
    return machine_code.choose_engine(elements, WORTH_COMPILING, kernel, form.name, *variant)


def scan(
    engine: Engine,
    form: Format,
    raw: NDArray[np.uint8],
    out: RowColumns,
    groups: NDArray[np.int8] | None = None,
    sums: GroupSums | None = None,
) -> None:
    """Fill `out` with the quantities of the rows `raw`, shape (rows, row_bytes).

    Adds the finite rows of group >= 0 to `sums`, which must be empty. No rows at all make the engine ready
    and do nothing else.
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
    rows = arguments.rows_of(form, raw)
    vectors = copy_on_lines(np.asarray(vectors, dtype=np.float64))
    parts = []
    for start in range(0, len(vectors), MOST_VECTORS):
        some = vectors[start : start + MOST_VECTORS]
        last = start + MOST_VECTORS >= len(vectors) and power is not None
        products = np.empty((rows.number, len(some)))
        wanted = Products(some, products, int(last), power if last and power is not None else np.empty(0))
        machine_code.kernel("project", form.name, str(len(some)))(rows, arguments.tile(), wanted)
        parts.append(products)
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _scan_compiled(
    form: Format,
    raw: NDArray[np.uint8],
    out: RowColumns,
    groups: NDArray[np.int8] | None,
    sums: GroupSums | None,
) -> NDArray[np.int64]:
    """Scan with the compiled kernel; returns the positions of the rows that it left out."""
    rows = arguments.rows_of(form, raw)
    special = np.empty(rows.number, dtype=np.uint8)
    machine_code.kernel("scan", form.name)(rows, *scan_arguments(rows.size, out, groups, sums, special))
    return np.flatnonzero(special)


def scan_arguments(
    size: int,
    out: RowColumns,
    groups: NDArray[np.int8] | None,
    sums: GroupSums | None,
    special: NDArray[np.uint8],
) -> tuple[Keys, Groups, Tile, Outputs]:
    """What a compiled scan of rows of `size` bytes takes beside the rows."""
    member = np.ascontiguousarray(groups) if groups is not None else np.empty(0, dtype=np.int8)
    found = sums if sums is not None else GroupSums.allocate(0, 0)
    return (
        Keys(fingerprint.keys(-(-size // 8)), UPPER),
        Groups(
            len(found.rows) if groups is not None else 0,
            member,
            found.rows,
            found.pivot,
            found.shift,
            found.squares,
            found.unit_rows,
            found.unit_sum,
        ),
        arguments.tile(),
        Outputs(out.zeros, out.sum, out.sumsq, out.l1, out.m2, out.min, out.max, out.fingerprint, special),
    )


def _compilable(form: Format) -> bool:
    """The kernels know formats with sign, exponent and mantissa; the others hardly ever hold rows."""
    return form.family == "float" and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
