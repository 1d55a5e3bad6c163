"""Chooses between the numpy engine and the compiled kernels, and prepares what the latter need."""

from __future__ import annotations

import sys
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels import fingerprint, formats, numpy_engine
from rowscope.kernels.formats import Format
from rowscope.kernels.results import Floats, GroupSums, RowColumns

if TYPE_CHECKING:
    from rowscope.kernels.compiled import Recipe, Scratch

Engine = Literal["numba", "numpy"]

# Elements from which loading numba (about 0.4 s) pays off against the numpy engine.
WORTH_LOADING = 30_000_000
WORTH_CALLING = 200_000

_import_lock = threading.Lock()


def choose_engine(form: Format, elements: int) -> Engine:
    """The faster engine for so many elements of a format."""
    if form.family != "float":
        return "numpy"
    loaded = "rowscope.kernels.compiled" in sys.modules
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

    Adds the rows of group >= 0 to `sums`.
    """
    if engine == "numpy" or form.family != "float" or 0 in raw.shape:
        numpy_engine.scan(form, raw, out, groups, sums)
        return
    compiled = _compiled()
    rows, width = raw.shape[0], form.width(raw.shape[1])
    group_sums = sums if sums is not None and groups is not None else GroupSums.allocate(0, 0)
    outputs = compiled.Outputs(
        out.zeros, np.empty((6, rows)), out.fingerprint, np.zeros(rows, dtype=np.uint8)
    )
    compiled.scan(
        _byte_lanes(form, raw),
        _recipe(form.name),
        _scratch(form, width),
        groups if groups is not None else np.empty(0, dtype=np.int8),
        compiled.Sums(
            group_sums.rows,
            group_sums.pivot,
            group_sums.shift,
            group_sums.squares,
            group_sums.unit_rows,
            group_sums.unit_sum,
        ),
        outputs,
    )
    for name, row in zip(("sum", "sumsq", "l1", "min", "max", "m2"), outputs.reals, strict=True):
        getattr(out, name)[:] = row
    marked = np.flatnonzero(outputs.marked)
    if marked.size:
        redone = RowColumns.allocate(marked.size)
        numpy_engine.scan(form, raw[marked], redone, None if groups is None else groups[marked], sums)
        out.put(marked, redone)


def project(
    engine: Engine, form: Format, raw: NDArray[np.uint8], vectors: Floats, power: Floats | None = None
) -> Floats:
    """Dot products of rows with `vectors` (k, d), shape (rows, k).

    Adds X^T (X v) for the last vector v, over the finite rows X, to `power` of shape (d,).
    """
    if engine == "numpy" or form.family != "float" or 0 in raw.shape:
        return numpy_engine.project(form, raw, vectors, power)
    products = np.empty((raw.shape[0], vectors.shape[0]))
    _compiled().project(
        _byte_lanes(form, raw),
        _recipe(form.name),
        _scratch(form, vectors.shape[1]),
        np.ascontiguousarray(vectors, dtype=np.float64),
        products,
        np.empty(0) if power is None else power,
    )
    return products


def _compiled() -> Any:  # noqa: ANN401 - a module
    with _import_lock:  # numba's import is not safe when two threads start it
        from rowscope.kernels import compiled
    return compiled


def _byte_lanes(form: Format, raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The rows with elements of whole bytes, read-only: one compiled version serves maps and copies."""
    lanes = formats.unpack(form, raw) if form.bits < 8 else np.ascontiguousarray(raw).view()
    lanes.setflags(write=False)
    return lanes


@lru_cache(maxsize=32)
def _recipe(name: str) -> Recipe:
    compiled = _compiled()
    form = formats.FORMATS[name]
    lane = form.lane.type
    bits = form.lane.itemsize * 8
    limit, floor = 1 << (bits - 1), 0
    if form.specials == "ieee":
        limit = ((1 << form.exponent) - 1) << (bits - 1 - form.exponent)
    elif form.specials == "ones":
        limit = (1 << (bits - 1)) - 1
    if name == "F64":
        bounds = np.array([numpy_engine.LARGEST_PLAIN, numpy_engine.SMALLEST_PLAIN])
        limit, floor = (int(bound) for bound in bounds.view(np.uint64))
    decoder = {64: compiled.COPY, 32: compiled.COPY, 16: compiled.F16}.get(form.bits, compiled.TABLE)
    if name == "BF16":
        decoder = compiled.BF16
    shift, scale = {"F8_E5M2": (8, 1.0), "F8_E4M3": (7, 256.0), "F8_E4M3FNUZ": (7, 128.0)}.get(name, (0, 0.0))
    table = np.zeros(256, dtype=np.float32)
    if form.lane.itemsize == 1:
        table[:] = formats.byte_values(name)
        decoder = compiled.UPPER_HALF if shift else compiled.TABLE
    recipe: Recipe = compiled.Recipe(
        decoder, lane(1 << (bits - 1)), lane(limit), lane(floor), bool(form.sign_mask), shift, scale, table
    )
    return recipe


def _scratch(form: Format, width: int) -> Scratch:
    real = np.float64 if form.bits == 64 else np.float32
    words = -(-width * form.lane.itemsize // 8)
    scratch: Scratch = _compiled().Scratch(
        np.empty(width, form.lane), np.empty(width, real), fingerprint.keys(words)
    )
    return scratch
