"""The scan and the projection in plain numpy: for small work, for the rows that the compiled kernels hand
back, and for the dtypes that they do not know. Every sum is taken in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels import fingerprint, formats
from rowscope.kernels.formats import Codes, Format
from rowscope.kernels.results import Floats, GroupSums, RowColumns

BLOCK_ELEMENTS = 1 << 18
"""Elements decoded at once: 2 MiB of float64 and a few temporaries of the same size. With less than that, two
threads spend more time on handing the interpreter to each other than they win."""

# Squares of elements between these bounds, and sums of 2**20 of them, are normal float64 numbers.
LARGEST_PLAIN = 2.0**500
SMALLEST_PLAIN = 2.0**-480


def scan(
    form: Format,
    raw: NDArray[np.uint8],
    out: RowColumns,
    groups: NDArray[np.int8] | None = None,
    sums: GroupSums | None = None,
) -> None:
    """Fill `out` with the quantities of the rows `raw`, shape (rows, row_bytes).

    Adds the rows of group >= 0 to `sums`.
    """
    if raw.shape[0] == 0:
        return
    step = max(1, BLOCK_ELEMENTS // max(form.width(raw.shape[1]), 1))
    for start in range(0, raw.shape[0], step):
        stop = min(start + step, raw.shape[0])
        codes = formats.unpack(form, raw[start:stop])
        part = out.part(start, stop)
        values = formats.to_float64(form, codes)
        with np.errstate(all="ignore"):
            finite = _fill(form, codes, values, part)
            if groups is not None and sums is not None:
                _add_groups(values, part, finite, groups[start:stop], sums)
        out.extreme.update((start + at, pair) for at, pair in part.extreme.items())


def project(form: Format, raw: NDArray[np.uint8], vectors: Floats, power: Floats | None = None) -> Floats:
    """Dot products of rows with `vectors` (k, d), shape (rows, k); adds X^T (X v_k) to `power` (d,)."""
    step = max(1, BLOCK_ELEMENTS // max(vectors.shape[1], 1))
    result = np.empty((raw.shape[0], vectors.shape[0]))
    for start in range(0, raw.shape[0], step):
        values = formats.to_float64(form, formats.unpack(form, raw[start : start + step]))
        with np.errstate(all="ignore"):
            products = np.einsum("nd,kd->nk", values, vectors)  # not BLAS: it would start threads of its own
            if power is not None:
                keep = np.isfinite(values).all(axis=1)
                power += np.einsum("n,nd->d", products[keep, -1], values[keep])
        result[start : start + step] = products
    return result


def _fill(form: Format, codes: Codes, values: Floats, out: RowColumns) -> NDArray[np.bool_]:
    """Fill `out`; return which rows are finite."""
    width = values.shape[1]
    magnitudes = np.abs(values)
    largest = magnitudes.max(axis=1, initial=0.0)
    out.zeros[:] = width - np.count_nonzero(values, axis=1)
    out.sum[:] = values.sum(axis=1)
    out.l1[:] = magnitudes.sum(axis=1)
    out.sumsq[:] = np.einsum("nd,nd->n", values, values)
    out.min[:] = values.min(axis=1) if width else np.nan
    out.max[:] = values.max(axis=1) if width else np.nan
    out.m2[:] = _squared_deviations(values, out.sum, out.sumsq)
    out.fingerprint[:] = fingerprint.fingerprints(formats.canonical(form, codes))
    finite = np.isfinite(largest)
    if not finite.all():
        rest = values[~finite]
        out.nan[~finite] = np.isnan(rest).sum(axis=1)
        out.pos_inf[~finite] = (rest == np.inf).sum(axis=1)
        out.neg_inf[~finite] = (rest == -np.inf).sum(axis=1)
    outside = (largest > LARGEST_PLAIN) | ((largest < SMALLEST_PLAIN) & (largest > 0))
    for at in np.flatnonzero(finite & outside):
        _fill_extreme(values[at], float(largest[at]), int(at), out)
    return np.asarray(finite)


def _squared_deviations(values: Floats, total: Floats, squares: Floats) -> Floats:
    """Sum of squared deviations of each row from its mean, given its sum S and its sum of squares Q.

    Q - S^2 / n, unless more than half of Q cancels: then the definition, corrected for the rounding of the
    mean. Rows that are not finite give NaN.
    """
    width = max(values.shape[1], 1)
    result = np.asarray(squares - total * total / width)
    result[np.isinf(squares)] = np.nan
    again = np.flatnonzero(total * total > 0.5 * width * squares)
    centred = values[again] - (total[again] / width)[:, None]
    rest = centred.sum(axis=1)
    result[again] = np.maximum(np.einsum("nd,nd->n", centred, centred) - rest * rest / width, 0.0)
    return result


def _fill_extreme(row: Floats, largest: float, at: int, out: RowColumns) -> None:
    """Norm and standard deviation of a row whose squares leave float64's range, scaled by a power of 2."""
    exponent, scaled, squares = _scaled(row, largest)
    m2 = float(_squared_deviations(scaled[None], scaled[None].sum(axis=1), np.array([squares]))[0])
    deviation = np.sqrt(m2 / (row.size - 1)) if row.size > 1 else np.nan
    out.extreme[at] = (float(np.ldexp(np.sqrt(squares), exponent)), float(np.ldexp(deviation, exponent)))
    out.m2[at] = np.ldexp(m2, 2 * exponent)


def _scaled(row: Floats, largest: float) -> tuple[int, Floats, float]:
    """e, row / 2^e with magnitudes up to 1, and the sum of its squares."""
    exponent = int(np.frexp(largest)[1])
    scaled = np.ldexp(row, -exponent)
    return exponent, scaled, float((scaled * scaled).sum())


def _add_groups(
    values: Floats, out: RowColumns, finite: NDArray[np.bool_], groups: NDArray[np.int8], sums: GroupSums
) -> None:
    scales = np.where(out.sumsq > 0, 1.0 / np.sqrt(out.sumsq), 0.0)
    directed = scales > 0
    for at in out.extreme:
        scales[at], directed[at] = 0.0, True
        if groups[at] >= 0:
            _, scaled, squares = _scaled(values[at], float(np.abs(values[at]).max()))
            sums.unit_sum[groups[at]] += scaled / np.sqrt(squares)
    for group in range(sums.rows.size):
        chosen = np.flatnonzero(finite & (groups == group))
        if chosen.size == 0:
            continue
        members = values if chosen.size == len(values) else values[chosen]
        if sums.rows[group] == 0:
            sums.pivot[group] = members[0]
        deviations = members - sums.pivot[group]
        sums.rows[group] += chosen.size
        sums.shift[group] += deviations.sum(axis=0)
        sums.squares[group] += np.einsum("nd,nd->", deviations, deviations)
        sums.unit_rows[group] += np.count_nonzero(directed[chosen])
        sums.unit_sum[group] += np.einsum("n,nd->d", scales[chosen], members)
