"""Room in the vocabulary matrices: which ids new tokens would get, and what more rows would cost."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from rowscope.inspector.census.census import PLACEHOLDER, UNMAPPED, Census, IdSet
from rowscope.inspector.census.growth import by_design, no_growth
from rowscope.inspector.census.rounding import Rounding, take_rounding
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.frozen import record
from rowscope.inspector.matrices import Matrix, MatrixLayout, per_layer_tables
from rowscope.inspector.ranges import to_ranges
from rowscope.inspector.vocabulary import Vocabulary, all_ids

MULTIPLES: Final = (64, 128)
"""Row counts that GPUs multiply by at full speed, and that training code pads to."""


@record
class RowCost:
    """Bytes that one more row takes in one stored tensor; `role` as of `Matrix`, or `bias`."""

    role: str
    tensor: str
    bytes_per_row: int


@record
class Resize:
    """Growing every vocabulary tensor to the next larger multiple.

    Attributes:
        multiple: what the new row count is a multiple of.
        rows: the new row count; larger than the present one.
        new_rows: how many rows that adds.
        bytes: what they take, in all tensors together.
    """

    multiple: int
    rows: int
    new_rows: int
    bytes: int


@record
class Capacity:
    """How many tokens a checkpoint can take as it is, and the next step beyond.

    Attributes:
        rows: rows that every vocabulary tensor has, that the config counts and that the model looks up.
        assignable: unmapped ids that the next added tokens get, in order.
        holes: unmapped ids that no added token gets: tokenizers give the next id, not the lowest free one.
        placeholders: ids whose token is named as reserved; a new token can take the name's place.
        without_resize: tokens that can be added as they are: the count of `assignable`.
        row_costs: per stored vocabulary tensor.
        bytes_per_row: their sum.
        resizes: the next multiples of 64 and of 128; none where a resize does not help.
        no_resize: why a resize does not help, None where it does.
        by_design: whether the class builds rows that are no part of its vocabulary: no claim is offered.
        rounding: how the rows of the input matrix come from the ids of the tokenizer, None where they are the
            same or nothing names ids.
    """

    rows: int
    assignable: IdSet
    holes: IdSet
    placeholders: IdSet
    without_resize: int
    row_costs: tuple[RowCost, ...]
    bytes_per_row: int
    resizes: tuple[Resize, ...]
    no_resize: str | None = None
    by_design: bool = False
    rounding: Rounding | None = None


def take_capacity(checkpoint: Checkpoint, vocabulary: Vocabulary | None, census: Census) -> Capacity:
    """Count the free slots of a checkpoint; without a tokenizer none is known to be free."""
    rows = usable_rows(checkpoint)
    codes = census.codes[:rows]
    unmapped = np.flatnonzero(codes == UNMAPPED)
    taken = range(0) if vocabulary is None else next_ids(vocabulary, rows)
    next_ones = (unmapped >= taken.start) & (unmapped < taken.stop)
    costs = row_costs(checkpoint.layout)
    each = sum(cost.bytes_per_row for cost in costs)
    why_not = no_growth(checkpoint)
    most = max((matrix.rows for matrix in checkpoint.matrices), default=rows)
    return Capacity(
        rows=rows,
        assignable=_ids(unmapped[next_ones]),
        holes=_ids(unmapped[~next_ones]),
        placeholders=_ids(np.flatnonzero(codes == PLACEHOLDER)),
        without_resize=int(next_ones.sum()),
        row_costs=costs,
        bytes_per_row=each,
        resizes=() if why_not else tuple(_resize(most, multiple, each) for multiple in MULTIPLES),
        no_resize=why_not,
        by_design=by_design(checkpoint),
        rounding=take_rounding(vocabulary, census.input_rows or 0),
    )


def usable_rows(checkpoint: Checkpoint) -> int:
    """Rows that the matrices, the output's bias and the tables of each layer all have, at most as many as the
    config states and below the ids that it routes to other tables; a size of 0 states nothing."""
    layout = checkpoint.layout
    counts = [matrix.rows for matrix in (*layout.matrices, *per_layer_tables(checkpoint.tables))]
    bias = layout.output_bias
    if bias is not None:
        counts.append(math.prod(bias.shape))
    if layout.vocab is not None:
        counts.append(layout.vocab.size)
    if layout.served is not None:
        counts.append(layout.served)
    return min(counts, default=0)


def next_ids(vocabulary: Vocabulary, rows: int) -> range:
    """The ids below `rows` that further added tokens get, one after the other.

    The tokenizers library numbers an added token from the size of its model on, behind the added tokens
    that are there; it looks neither at the ids that files state nor for holes.
    """
    first = max(vocabulary.base_size, max(vocabulary.added, default=-1) + 1)
    ids = all_ids(vocabulary.tokens)
    taken = ids[(ids >= first) & (ids < rows)]
    return range(first, max(first, int(taken.min()) if taken.size else rows))


def row_costs(layout: MatrixLayout) -> tuple[RowCost, ...]:
    """Bytes per row of every stored vocabulary tensor."""
    costs = [RowCost(matrix.role, matrix.tensor, _row_bytes(matrix)) for matrix in layout.matrices]
    if layout.output_bias is not None:
        bias = layout.output_bias
        costs.append(RowCost("bias", bias.name, bias.nbytes // max(1, math.prod(bias.shape))))
    return tuple(costs)


def _row_bytes(matrix: Matrix) -> int:
    return matrix.nbytes // max(1, matrix.rows)


def padded(rows: int, multiple: int) -> int:
    """The smallest multiple that is at least `rows`."""
    return -(-rows // multiple) * multiple


def _resize(rows: int, multiple: int, bytes_per_row: int) -> Resize:
    target = padded(rows + 1, multiple)
    return Resize(multiple, target, target - rows, (target - rows) * bytes_per_row)


def _ids(ids: np.ndarray[tuple[int], np.dtype[np.int64]]) -> IdSet:
    return IdSet(int(ids.size), to_ranges(ids))
