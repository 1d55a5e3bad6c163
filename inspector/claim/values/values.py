"""Initial values of the claimed rows, as the bytes to store."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.claim.values.encode import encode
from rowscope.inspector.claim.values.packed import encode_packed, stored_rows
from rowscope.inspector.claim.values.recipe import FROM_IDS, GivenRows, Recipe
from rowscope.inspector.claim.values.targets import Target, require_writable
from rowscope.inspector.claim.values.trained import Floats, TrainedRows, draw, measure_trained, scaled
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.frozen import record
from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices import Matrix
from rowscope.inspector.rows import open_rows
from rowscope.inspector.text import plural, say
from rowscope.inspector.vocabulary import Vocabulary
from rowscope.kernels import formats


@record
class NewRows:
    """The rows of one target.

    Attributes:
        raw: uint8 [k, row bytes], in the order of the claimed tokens.
        bias: float64 [k], for the output bias, or None where the target has no say in it.
        source: what they were made from, in words.
        factor: what the mean was multiplied by, for `mean` and `text`; 1 where it was not.
        trained: the scan behind it, None for `like` and `text`.
    """

    raw: NDArray[np.uint8]
    bias: Floats | None
    source: str
    factor: float
    trained: TrainedRows | None


Measure = Callable[[Target], TrainedRows]


def new_rows(target: Target, count: int, recipe: Recipe, bias: TensorRef | None, measure: Measure) -> NewRows:
    """Rows for `count` tokens in a target; `bias` is given where the target is the output matrix.

    Raises:
        RefusedError: a quantised matrix, a dtype that is not written, or no direction to start from.
    """
    require_writable(target)
    if recipe.kind in FROM_IDS:
        return _from_ids(target, count, recipe, bias)
    if recipe.given is not None:
        return _given(target, count, recipe.given, bias, measure)
    trained = measure(target)
    size = float(np.linalg.norm(trained.mean))
    if recipe.kind == "mean":
        rows = np.repeat(trained.mean[None], count, axis=0)
        what: str = say("mean of {count:# trained row|# trained rows}", count=int(trained.ids.size))
    else:
        role = ("input", "both", "output").index(target.role)
        rows = draw(trained, [(recipe.seed, role, place) for place in range(count)])
        what = say(
            "normal around the mean of {count:# trained row|# trained rows}, seed {seed:d}",
            count=int(trained.ids.size),
            seed=recipe.seed,
        )
    if recipe.scale:
        rows = scaled(rows, trained.norm, f"mean of the trained rows of {target.matrix.tensor!r}")
        what = say("{made}, scaled to their median norm {norm:.4g}", made=what, norm=trained.norm)
    raw = _encoded(rows, target.matrix)
    own = None if bias is None else np.full(count, float(np.mean(read_bias(bias, trained.ids))))
    return NewRows(raw, own, what, trained.norm / size if recipe.scale and size else 1.0, trained)


def _given(target: Target, rows: int, given: GivenRows, bias: TensorRef | None, measure: Measure) -> NewRows:
    """Rows that were computed elsewhere; an output bias is that of the trained rows, as for their mean."""
    width = target.matrix.shape[1]
    if given.values.shape != (rows, width) or not np.isfinite(given.values).all():
        raise RefusedError(
            f"rows of shape {given.values.shape} were given for {plural(rows, 'row')} of "
            f"{target.matrix.tensor!r} with {width} elements, or they are not finite; "
            f"distil them from this checkpoint",
            location=target.matrix.tensor,
        )
    own = None if bias is None else np.full(rows, float(np.mean(read_bias(bias, measure(target).ids))))
    return NewRows(_encoded(given.values, target.matrix), own, given.source, 1.0, None)


def _from_ids(target: Target, count: int, recipe: Recipe, bias: TensorRef | None) -> NewRows:
    ids = np.array(recipe.sources, dtype=np.int64)
    own = None if bias is None else np.full(count, float(np.mean(read_bias(bias, ids))))
    with open_rows(target.matrix) as reader:
        if ids.size == 1:
            packed = target.matrix.packed
            raw = reader.gather(ids) if packed is None else stored_rows(packed, ids)
            return NewRows(np.repeat(raw, count, axis=0), own, say("row {id:d}", id=int(ids[0])), 1.0, None)
        pieces = reader.decode(ids)
    rows, factor = pieces.mean(axis=0, keepdims=True), 1.0
    what: str = say("mean of rows {ids}", ids=", ".join(map(str, recipe.sources)))
    if recipe.scale and target.role == "input":
        norm = median(np.linalg.norm(pieces, axis=1))
        factor = norm / float(np.linalg.norm(rows) or 1.0)
        rows = scaled(rows, norm, f"mean of the rows of {recipe.text!r} in {target.matrix.tensor!r}")
        what = say("{made}, scaled to their median norm {norm:.4g}", made=what, norm=norm)
    raw = _encoded(np.repeat(rows, count, axis=0), target.matrix)
    return NewRows(raw, own, what, factor, None)


def _encoded(rows: Floats, matrix: Matrix) -> NDArray[np.uint8]:
    """Rows [n, d] as they are stored; of a quantised table the bytes of its tensors one behind the other."""
    if matrix.packed is not None:
        return encode_packed(rows, matrix.packed, matrix.tensor)
    return encode(rows, matrix.dtype, matrix.tensor)


def read_bias(ref: TensorRef, ids: NDArray[np.int64]) -> Floats:
    """Values of elements `ids` of the output bias, float64 [n].

    Raises:
        RefusedError: the bias's dtype is not one that can be written.
    """
    form = formats.FORMATS.get(ref.dtype)
    if form is None or form.bits < 8:
        raise RefusedError(
            f"the output bias {ref.name!r} holds {ref.dtype}; use --values keep", location=ref.name
        )
    with ref.shard.file.open() as file:
        raw = np.frombuffer(file.view(ref.offset, ref.offset + ref.nbytes), np.uint8)
        values = formats.to_float64(form, formats.unpack(form, raw.reshape(1, -1)))[0]
        return np.array(values[ids])


def measurer(
    checkpoint: Checkpoint,
    vocabulary: Vocabulary,
    codes: NDArray[np.int8],
    progress: Callable[[int], None] | None,
) -> Measure:
    """`measure_trained` for targets of one checkpoint."""

    def measure(target: Target) -> TrainedRows:
        matrix = dataclasses.replace(target.matrix, role=target.role)  # type: ignore[arg-type]
        return measure_trained(matrix, checkpoint, vocabulary, codes, progress)

    return measure
