"""Initial rows for `probe train --values`: a claim plans them, and the probe trains them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from rowscope.commands.distilling import distilled, read_texts
from rowscope.kernels import formats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rowscope.inspector.claim import ClaimPlan
    from rowscope.inspector.model import InitialRow, Loaded

TOKEN: Final = "<NUM>"
"""What the train probe calls the new token."""

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
    from rowscope.inspector.claim import plan_claim

    checkpoint = open_checkpoint(path)

    def plain(values: str) -> Make:
        plan = plan_claim(checkpoint, TOKEN, values=values, seed=seed)
        return lambda _: _initial(plan)

    def distil(values: str) -> Make:
        texts = read_texts(values.partition(":")[2])
        slots = plan_claim(checkpoint, TOKEN, values="keep", seed=seed)

        def make(loaded: Loaded) -> InitialRow:
            given = distilled(loaded, slots, texts, seed=seed, progress=None)
            return _initial(plan_claim(checkpoint, TOKEN, values=values, seed=seed, given=given))

        return make

    unique = dict.fromkeys(recipes)
    makers = [distil(values) if values.startswith("distil:") else plain(values) for values in unique]
    return lambda loaded: tuple(make(loaded) for make in makers)


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
