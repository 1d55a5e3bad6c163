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
    from rowscope.kernels.compiled import Recipe, Rows, Scratch

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
    rows = _rows(form, raw)
    low, high = (np.empty(raw.shape[0], form.lane) for _ in range(2))
    marked = np.empty(raw.shape[0], dtype=np.uint8)
    filled = sums if sums is not None and groups is not None else GroupSums.allocate(0, 0)
    compiled.scan(
        rows,
        _recipe(form.name),
        _scratch(form, form.width(raw.shape[1])),
        groups if groups is not None else np.empty(0, dtype=np.int8),
        compiled.Sums(
            filled.rows, filled.pivot, filled.shift, filled.squares, filled.unit_rows, filled.unit_sum
        ),
        compiled.Outputs(
            out.zeros, out.sum, out.sumsq, out.l1, out.m2, low, high, out.fingerprint, marked
        ),
    )
    out.min[:], out.max[:] = formats.to_float64(form, low) + 0.0, formats.to_float64(form, high) + 0.0
    again = np.flatnonzero(marked)
    if again.size:
        redone = RowColumns.allocate(again.size)
        numpy_engine.scan(form, raw[again], redone, None if groups is None else groups[again], sums)
        out.put(again, redone)


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
        _rows(form, raw),
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


def _rows(form: Format, raw: NDArray[np.uint8]) -> Rows:
    """The rows as aligned lanes and words, read-only, so that one compiled version serves maps and copies."""
    lanes = formats.unpack(form, raw) if form.bits < 8 else raw
    size = lanes.shape[1]
    spare = -size % 8
    if spare:
        lanes = np.pad(lanes, ((0, 0), (0, spare)))
    elif lanes.ctypes.data % 8 or not lanes.flags.c_contiguous:
        lanes = lanes.copy()
    lanes = lanes.view()
    lanes.setflags(write=False)
    signed = form.lane.str.replace("u", "i")
    rows: Rows = _compiled().Rows(lanes.view(form.lane), lanes.view(signed), lanes.view(np.uint64), size)
    return rows


@lru_cache(maxsize=32)
def _recipe(name: str) -> Recipe:
    compiled = _compiled()
    form = formats.FORMATS[name]
    bits = form.lane.itemsize * 8
    limit, floor = 1 << (bits - 1), 0
    if form.specials == "ieee":
        limit = ((1 << form.exponent) - 1) << (bits - 1 - form.exponent)
    elif form.specials == "ones":
        limit = (1 << (bits - 1)) - 1
    if name == "F64":
        bounds = np.array([numpy_engine.LARGEST_PLAIN, numpy_engine.SMALLEST_PLAIN])
        limit, floor = (int(bound) for bound in bounds.view(np.uint64))
    recipe: Recipe = compiled.Recipe(
        _decoder(form),
        np.float32({"F8_E4M3": 256.0, "F8_E4M3FNUZ": 128.0}.get(name, 1.0)),
        _table(form),
        np.uint64(1 << (bits - 1)),
        np.uint64(limit),
        np.uint64(floor),
        bool(form.sign_mask),
    )
    return recipe


def _decoder(form: Format) -> int:
    compiled = _compiled()
    known = {
        "BF16": compiled.BF16,
        "F16": compiled.F16,
        "F8_E5M2": compiled.E5M2,
        "F8_E4M3": compiled.E4M3,
        "F8_E4M3FNUZ": compiled.E4M3,
    }
    return int(known.get(form.name, compiled.TABLE if form.lane.itemsize == 1 else compiled.COPY))


def _table(form: Format) -> NDArray[np.float32]:
    """float32 value of each code of a byte format, shape (256,); empty for others."""
    if form.lane.itemsize > 1:
        return np.empty(0, dtype=np.float32)
    return formats.byte_values(form.name).astype(np.float32)


def _scratch(form: Format, width: int) -> Scratch:
    words = -(-width * form.lane.itemsize // 8)
    clean = _aligned((1, words), np.dtype(np.uint64))
    real, unsigned = (np.float64, np.uint64) if form.bits == 64 else (np.float32, np.uint32)
    values = _aligned((_compiled().TILE, width), np.dtype(real))
    scratch: Scratch = _compiled().Scratch(
        clean.view(form.lane), clean, values, values.view(unsigned), fingerprint.keys(words)
    )
    return scratch


def _aligned(shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Zeros on a cache line's boundary: vector stores across two lines cost twice as much."""
    size = shape[0] * shape[1] * dtype.itemsize
    room = np.zeros(size + 64, dtype=np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size].view(dtype).reshape(shape)
