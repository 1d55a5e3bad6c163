"""Second passes over a matrix: dot products with vectors, the first principal component, column medians."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import column_medians
from rowscope.inspector.errors import UsageError
from rowscope.inspector.rows import chunks
from rowscope.inspector.rows.blocks import RowReader
from rowscope.inspector.rows.chunks import Chunk
from rowscope.inspector.rows.table import RowTable
from rowscope.kernels import dispatch
from rowscope.kernels.arguments import MOST_VECTORS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
EngineChoice = Literal["auto", "numba", "numpy"]

SAMPLE_ROWS = 256
SAMPLE_BYTES = 16 << 20
"""Most rows of the sample from which the principal component starts, and most memory, as float64."""

MEDIAN_BYTES = 16 << 20
"""Memory of the columns whose medians are taken at once, as float64."""


@dataclass(frozen=True)
class PrincipalComponent:
    """Direction of greatest variance of the finite rows about their mean.

    Attributes:
        vector: unit vector, shape (d,); its element of largest magnitude is positive.
        variance: of the rows along it (n - 1).
        residual: |C v - variance v| / variance for the covariance C of all rows: how far the iteration is
            from an eigenvector.
        passes: passes over all rows that it took.
    """

    vector: Floats
    variance: float
    residual: float
    passes: int


@overload
def project_rows(
    reader: RowReader,
    vectors: Floats,
    *,
    ids: Integers | None = ...,
    threads: int | None = ...,
    engine: EngineChoice = ...,
    progress: Callable[[int], None] | None = ...,
    accumulate_power: Literal[False] = ...,
) -> Floats: ...


@overload
def project_rows(
    reader: RowReader,
    vectors: Floats,
    *,
    ids: Integers | None = ...,
    threads: int | None = ...,
    engine: EngineChoice = ...,
    progress: Callable[[int], None] | None = ...,
    accumulate_power: Literal[True],
) -> tuple[Floats, Floats]: ...


def project_rows(
    reader: RowReader,
    vectors: Floats,
    *,
    ids: Integers | None = None,
    threads: int | None = None,
    engine: EngineChoice = "auto",
    progress: Callable[[int], None] | None = None,
    accumulate_power: bool = False,
) -> Floats | tuple[Floats, Floats]:
    """Dot products of each row with k vectors of shape (k, d), in one pass: shape (n, k), float64.

    With `accumulate_power` also X^T (X v) for the last vector v, shape (d,), over the rows X that are
    finite: a step of the power iteration. Products of rows that are not finite follow IEEE rules. Other
    arguments as in `scan_rows`.

    Raises:
        UsageError: vectors of another width than the rows, or an id out of range.
    """
    if vectors.ndim != 2 or vectors.shape[1] != reader.width or not len(vectors):
        raise UsageError(
            f"vectors has the shape {vectors.shape} for rows of width {reader.width}; "
            f"give at least one vector, as (k, {reader.width})",
            location=reader.ref.name,
        )
    total = reader.rows if ids is None else ids.size
    elements = total * reader.width
    variant = ("project", str(min(len(vectors), MOST_VECTORS)))
    chosen = dispatch.choose_engine(reader.form, elements, *variant) if engine == "auto" else engine
    reader.use(engine, elements)
    # Compile in this thread: an interrupt can stop it here, and no other thread has to wait for it.
    dispatch.project(chosen, reader.form, np.empty((0, reader.row_bytes), np.uint8), vectors)
    products = np.empty((total, len(vectors)))
    power = np.zeros(reader.width)

    def work(chunk: Chunk) -> Floats | None:
        step = np.zeros(reader.width) if accumulate_power else None

        def use(raw: NDArray[np.uint8]) -> None:
            products[chunk.start : chunk.stop] = dispatch.project(chosen, reader.form, raw, vectors, step)

        chunks.with_rows(reader, chunk, use)
        return step

    with closing(chunks.run_in_order(chunks.plan(reader, ids), work, threads)) as results:
        for chunk, step in results:
            if step is not None:
                power += step
            if progress is not None:
                progress(chunk.stop - chunk.start)
    return (products, power) if accumulate_power else products


def principal_component(
    reader: RowReader,
    table: RowTable,
    mean: Floats,
    *,
    tolerance: float = 1e-4,
    max_passes: int = 6,
    threads: int | None = None,
    engine: EngineChoice = "auto",
    progress: Callable[[int], None] | None = None,
) -> PrincipalComponent:
    """First principal component of the table's finite rows about `mean`, their column means, shape (d,).

    Starts from the component of a sample in memory. Each pass over the rows multiplies one vector by their
    covariance; the answer is the Rayleigh-Ritz vector of the Krylov space so far (Golub, Van Loan, Matrix
    Computations, 10.1), whose residual needs no further pass. Stops at `tolerance` or after `max_passes`;
    the residual that was reached is part of the result. Other arguments as in `scan_rows`.
    """
    start = _sample_component(_sample(reader, table) - mean)
    if not start.any():
        return PrincipalComponent(start, 0.0, 0.0, 0)
    ids = None if np.array_equal(table.ids, np.arange(reader.rows)) else table.ids
    count = int(table.finite.sum())
    basis: list[Floats] = [start]
    images: list[Floats] = []
    while True:
        vector = basis[-1]
        _, power = project_rows(
            reader,
            vector[None],
            ids=ids,
            threads=threads,
            engine=engine,
            progress=progress,
            accumulate_power=True,
        )
        images.append(_covariance_times(vector, power, count, mean))
        found = _ritz(np.array(basis), np.array(images))
        rest = _orthogonal(images[-1], np.array(basis))
        size = float(np.linalg.norm(rest))
        if found.residual <= tolerance or len(images) >= max_passes or size <= 1e-12 * found.variance:
            return found
        basis.append(rest / size)


def sample_component(reader: RowReader, table: RowTable, mean: Floats) -> Floats:
    """First principal component of a sample of the table's finite rows about `mean`: unit vector, shape (d,).

    Zeros where the sample does not vary. `check_component` says how far it is from that of all rows.
    """
    return _sample_component(_sample(reader, table) - mean)


def check_component(vector: Floats, power: Floats, table: RowTable, mean: Floats) -> PrincipalComponent:
    """A unit vector with its variance and residual over all finite rows of the table.

    `power` is X^T (X v) over these rows, from `project_rows(…, accumulate_power=True)`; `mean` their mean.
    """
    if not vector.any():
        return PrincipalComponent(vector, 0.0, 0.0, 0)
    return _ritz(vector[None], _covariance_times(vector, power, int(table.finite.sum()), mean)[None])


def _covariance_times(vector: Floats, power: Floats, count: int, mean: Floats) -> Floats:
    """C v = (X^T X v - n m (m . v)) / (n - 1) over the n finite rows X with column means m."""
    return np.asarray((power - count * (mean @ vector) * mean) / max(count - 1, 1))


def _orthogonal(vector: Floats, basis: Floats) -> Floats:
    """`vector` less its part in the span of `basis`; twice is enough against rounding (Parlett, Kahan)."""
    for _ in range(2):
        vector = vector - (basis @ vector) @ basis
    return vector


def _ritz(basis: Floats, images: Floats) -> PrincipalComponent:
    """Best eigenvector of C in the span of `basis` (k, d), given `images` = basis C."""
    small = basis @ images.T
    values, vectors = np.linalg.eigh((small + small.T) / 2)
    value, weights = float(values[-1]), vectors[:, -1]
    vector, image = weights @ basis, weights @ images
    size = float(np.linalg.norm(vector))
    if value <= 0:
        return PrincipalComponent(np.zeros_like(vector), 0.0, 0.0, len(basis))
    residual = float(np.linalg.norm(image - value * vector)) / value
    sign = 1.0 if vector[np.abs(vector).argmax()] > 0 else -1.0
    return PrincipalComponent(vector * (sign / size), value, residual, len(basis))


def _sample(reader: RowReader, table: RowTable) -> Floats:
    """Finite rows at a fixed stride, as float64, at most SAMPLE_ROWS of them and at most SAMPLE_BYTES."""
    finite = table.ids[table.finite]
    count = min(finite.size, SAMPLE_ROWS, max(2, SAMPLE_BYTES // max(8 * reader.width, 1)))
    return reader.decode(finite[np.linspace(0, finite.size - 1, count).astype(np.int64)])


def _sample_component(centred: Floats, steps: int = 300) -> Floats:
    """First right singular vector of `centred` (n, d), of any length; zeros without variance.

    Power iteration on the n x n Gram matrix, whose cost does not grow with d^2, in plain elementwise numpy:
    the many small steps of a LAPACK eigensolver wake threads each time, which cost a second where the
    processors had other work.
    """
    if not centred.size or not centred.any():
        return np.zeros(centred.shape[1])
    gram = centred @ centred.T
    weights = gram[np.diagonal(gram).argmax()]
    for _ in range(steps):
        weights = weights / np.sqrt((weights * weights).sum())
        following = (gram * weights).sum(axis=1)
        settled = (following * weights).sum() ** 2 > (1 - 1e-12) * (following * following).sum()
        weights = following
        if settled:
            break
    component = weights @ centred
    return np.asarray(component / np.linalg.norm(component))


def column_median(reader: RowReader, ids: Integers) -> Floats:
    """Median of each column over the rows `ids`, shape (d,), as `numpy.median`: NaN where one is among them.

    Raises:
        UsageError: no ids, or an id out of range.
    """
    if not ids.size:
        raise UsageError("no rows to take a median of; give at least one id", location=reader.ref.name)
    columns = max(1, MEDIAN_BYTES // (8 * ids.size) // 8) * 8  # 8 elements of any dtype end on a byte
    medians = [
        column_medians(reader.decode(ids, start, min(start + columns, reader.width)))
        for start in range(0, reader.width, columns)
    ]
    return np.concatenate(medians) if medians else np.empty(0)
