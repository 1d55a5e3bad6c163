"""Initial rows for `probe train --values`: a claim plans them, and the probe trains them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from rowscope.commands.distilling import distilled, read_texts
from rowscope.kernels import formats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rowscope.inspector.checkpoint import Checkpoint
    from rowscope.inspector.claim import ClaimPlan
    from rowscope.inspector.model import InitialRow, Loaded
    from rowscope.inspector.study import Starts

TOKEN: Final = "<NUM>"
"""What the train probe calls the new token."""

STUDIED: Final = ("mean", "normal", "text:number", "distil:The lamp costs <NUM> 12 today.")
"""The recipes that a study compares where none are given."""

NONE: Final = "none"

Make = Callable[["Loaded"], "InitialRow"]


def plan_initial_rows(
    path: str, recipes: Sequence[str], seed: int
) -> Callable[[Loaded], tuple[InitialRow, ...]]:
    """The rows that `claim PATH <NUM> --values RECIPE --seed SEED` would write, by each recipe once.

    What can be refused without the model is refused here, before it loads; the rest when what is returned
    gets the loaded model.

    Raises:
        CheckpointError: as `open_checkpoint`.
        UsageError, RefusedError, MissingExtraError: as `plan_claim`, and as `distil` for `distil:`.
    """
    from rowscope.inspector.checkpoint import open_checkpoint

    checkpoint = open_checkpoint(path)
    makers = [_maker(checkpoint, values, seed) for values in dict.fromkeys(recipes)]
    return lambda loaded: tuple(make(loaded) for make in makers)


def _maker(checkpoint: Checkpoint, values: str, seed: int) -> Make:
    """What makes one row from the loaded model; what a claim refuses is refused at once.

    Raises:
        UsageError, RefusedError, MissingExtraError: as `plan_claim`.
    """
    from rowscope.inspector.claim import plan_claim

    if not values.startswith("distil:"):
        plan = plan_claim(checkpoint, TOKEN, values=values, seed=seed)
        return lambda _: _initial(plan)
    texts = read_texts(values.partition(":")[2], [TOKEN])
    slots = plan_claim(checkpoint, TOKEN, values="keep", seed=seed)

    def make(loaded: Loaded) -> InitialRow:
        given = distilled(loaded, slots, texts, seed=seed, progress=None)
        return _initial(plan_claim(checkpoint, TOKEN, values=values, seed=seed, given=given))

    return make


def studied_rows(path: str, recipes: Sequence[str] | None, seed: int) -> Starts:
    """For a study: as `plan_initial_rows`; None for the recipe `none`.

    Where no recipe was asked for, those of `STUDIED`; one that is refused is left out, with the reason.

    Raises:
        UsageError: `none` beside another recipe; as `plan_initial_rows`.
        RefusedError, MissingExtraError: as `plan_initial_rows`, for recipes that were asked for.
        CheckpointError: as `open_checkpoint`.
    """
    from rowscope.inspector.checkpoint import open_checkpoint
    from rowscope.inspector.errors import MissingExtraError, RefusedError, UsageError
    from rowscope.inspector.study import LeftOut

    if recipes and NONE in recipes:
        if set(recipes) != {NONE}:
            raise UsageError(
                f"--values {NONE} stands alone: leave it out, or the others", location="--values"
            )
        return None
    if recipes:
        return plan_initial_rows(path, recipes, seed)
    checkpoint = open_checkpoint(path)

    def make(loaded: Loaded, values: str) -> InitialRow | LeftOut:
        try:
            return _maker(checkpoint, values, seed)(loaded)
        except (MissingExtraError, RefusedError, UsageError) as error:
            return LeftOut(values, error.message)

    return lambda loaded: tuple(make(loaded, values) for values in STUDIED)


def _initial(plan: ClaimPlan) -> InitialRow:
    """The planned bytes as values; a plan that keeps the stored rows has none."""
    from rowscope.inspector.model import InitialRow

    rows: dict[str, NDArray[np.float64]] = {}
    sources: dict[str, None] = {}
    for patch in plan.rows:
        rows.setdefault(patch.role, _decoded(patch.dtype, patch.after))
        if patch.role != "bias":
            sources[patch.source] = None
    bias = rows.pop("bias", None)
    source = "; ".join(sources) or "the row as it is stored"
    return InitialRow(plan.values, source, rows, None if bias is None else float(bias[0]))


def _decoded(dtype: str, raw: bytes) -> NDArray[np.float64]:
    form = formats.FORMATS[dtype]
    codes = formats.unpack(form, np.frombuffer(raw, np.uint8).reshape(1, -1))
    return np.asarray(formats.to_float64(form, codes)[0])
