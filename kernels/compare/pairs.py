"""Two rows side by side: how far one moved from the other. In numpy, and by choice of size through numba."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels import formats
from rowscope.kernels.arguments import Pairs, rows_of
from rowscope.kernels.compile import machine_code
from rowscope.kernels.compile.machine_code import Engine
from rowscope.kernels.formats import Format
from rowscope.kernels.plain.numpy_engine import BLOCK_ELEMENTS, LARGEST_PLAIN, SMALLEST_PLAIN

Floats = NDArray[np.float64]

WORTH_COMPILING = 400_000_000
"""Pairs of elements from which the compiled kernel wins although it has to be compiled first."""


@dataclass(frozen=True, slots=True)
class PairColumns:
    """Quantities of n pairs of rows, each an array of shape (n,).

    Attributes:
        changed: elements whose values differ. Within one dtype the bits decide (-0 equals +0), between
            dtypes the values do; a NaN then equals a NaN.
        distance: Euclidean distance; 0 exactly where no element changed, NaN where a row is not finite.
        norm_base, norm_tuned: Euclidean norms.
        cosine: 1 exactly where no element changed, NaN where a row is zero or not finite.
        finite: whether both rows are.
    """

    changed: NDArray[np.int64]
    distance: Floats
    norm_base: Floats
    norm_tuned: Floats
    cosine: Floats
    finite: NDArray[np.bool_]

    @classmethod
    def allocate(cls, rows: int) -> Self:
        return cls(
            np.empty(rows, dtype=np.int64),
            np.empty(rows),
            np.empty(rows),
            np.empty(rows),
            np.empty(rows),
            np.empty(rows, dtype=np.bool_),
        )

    def part(self, start: int, stop: int) -> Self:
        """Views of the entries [start, stop)."""
        return type(self)(*(getattr(self, entry.name)[start:stop] for entry in fields(self)))

    def put(self, positions: NDArray[np.int64], rows: PairColumns) -> None:
        """Overwrite the entries at `positions` with `rows`."""
        for entry in fields(self):
            getattr(self, entry.name)[positions] = getattr(rows, entry.name)


def choose_engine(base: Format, tuned: Format, elements: int) -> Engine:
    """The faster engine for so many pairs of elements."""
    if base.family != "float" or tuned.family != "float":
        return "numpy"
    return machine_code.choose_engine(elements, WORTH_COMPILING, "compare", base.name, tuned.name)


def compare(
    engine: Engine,
    base: Format,
    base_raw: NDArray[np.uint8],
    tuned: Format,
    tuned_raw: NDArray[np.uint8],
    out: PairColumns,
) -> None:
    """Fill `out` for rows given as bytes of shape (n, row bytes); both sides have one width."""
    if engine == "numpy" or 0 in base_raw.shape or {base.family, tuned.family} != {"float"}:
        _compare_numpy(base, base_raw, tuned, tuned_raw, out)
        return
    marked = np.zeros(len(base_raw), dtype=np.uint8)
    columns = (
        out.changed,
        out.distance,
        out.norm_base,
        out.norm_tuned,
        out.cosine,
        out.finite.view(np.uint8),
    )
    machine_code.kernel("compare", base.name, tuned.name)(
        rows_of(base, base_raw), rows_of(tuned, tuned_raw), Pairs(*columns, marked)
    )
    left = np.flatnonzero(marked)
    if left.size:
        redone = PairColumns.allocate(left.size)
        _compare_numpy(base, base_raw[left], tuned, tuned_raw[left], redone)
        out.put(left, redone)


def _compare_numpy(
    base: Format, base_raw: NDArray[np.uint8], tuned: Format, tuned_raw: NDArray[np.uint8], out: PairColumns
) -> None:
    step = max(1, BLOCK_ELEMENTS // max(base.width(base_raw.shape[1]), 1))
    for start in range(0, len(base_raw), step):
        stop = min(start + step, len(base_raw))
        left = formats.unpack(base, base_raw[start:stop])
        right = formats.unpack(tuned, tuned_raw[start:stop])
        part = out.part(start, stop)
        with np.errstate(all="ignore"):
            x, y = formats.to_float64(base, left), formats.to_float64(tuned, right)
            if base.name == tuned.name:
                differs = formats.canonical(base, left) != formats.canonical(base, right)
            else:
                differs = (x != y) & ~(np.isnan(x) & np.isnan(y))
            part.changed[:] = differs.sum(axis=1)
            _fill(x, y, part)


def _fill(x: Floats, y: Floats, out: PairColumns) -> None:
    """Distances, norms and cosines of value rows (n, d); `out.changed` is known."""
    out.finite[:] = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
    shift = y - x
    out.norm_base[:] = np.sqrt(np.einsum("nd,nd->n", x, x))
    out.norm_tuned[:] = np.sqrt(np.einsum("nd,nd->n", y, y))
    out.distance[:] = np.sqrt(np.einsum("nd,nd->n", shift, shift))
    out.cosine[:] = _cosine(np.einsum("nd,nd->n", x, y), out.norm_base, out.norm_tuned)
    for at in np.flatnonzero(out.finite & (_outside(x) | _outside(y) | _outside(shift))):
        _fill_extreme(x[at], y[at], int(at), out)
    same = out.finite & (out.changed == 0)
    out.distance[same] = 0.0
    out.cosine[same & (out.norm_base > 0)] = 1.0
    out.distance[~out.finite] = np.nan
    out.cosine[~out.finite] = np.nan


def _outside(values: Floats) -> NDArray[np.bool_]:
    """Which rows have squares outside the normal range of float64."""
    largest = np.abs(values).max(axis=1, initial=0.0)
    return np.asarray((largest > LARGEST_PLAIN) | ((largest < SMALLEST_PLAIN) & (largest > 0)))


def _cosine(dot: Floats, left: Floats, right: Floats) -> Floats:
    directed = (left > 0) & (right > 0)
    return np.where(directed, np.clip(dot / left / right, -1.0, 1.0), np.nan)


def _fill_extreme(x: Floats, y: Floats, at: int, out: PairColumns) -> None:
    """A pair whose squares leave float64's range: every vector scaled by a power of 2 of its own."""
    unit_x, scale_x = _scaled(x)
    unit_y, scale_y = _scaled(y)
    # Half of the difference cannot overflow where the difference itself would.
    unit_shift, scale_shift = _scaled(y / 2 - x / 2)
    size_x, size_y = np.sqrt(unit_x @ unit_x), np.sqrt(unit_y @ unit_y)
    out.norm_base[at] = np.ldexp(size_x, scale_x)
    out.norm_tuned[at] = np.ldexp(size_y, scale_y)
    out.distance[at] = np.ldexp(np.sqrt(unit_shift @ unit_shift), scale_shift + 1)
    out.cosine[at] = _cosine(np.array([unit_x @ unit_y]), np.array([size_x]), np.array([size_y]))[0]


def _scaled(values: Floats) -> tuple[Floats, int]:
    exponent = int(np.frexp(np.abs(values).max())[1])
    return np.ldexp(values, -exponent), exponent
