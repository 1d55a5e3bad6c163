"""What new output rows cost before they are trained: how far they can move next-token distributions."""

from __future__ import annotations

import math
from typing import Final

from rowscope.inspector.claim.values.recipe import Recipe
from rowscope.inspector.claim.values.targets import Target
from rowscope.inspector.claim.values.values import NewRows

# Mean KL(before || after) over positions of ordinary text on `demo`, five new tokens, in nats.
_MEASURED: Final = {"mean": "2e-5", "normal": "2e-4", "text": "6e-4"}


def cost_words(target: Target, count: int, recipe: Recipe, rows: NewRows) -> str:
    """The bound on KL(before || after) where there is one, and what was measured.

    `count` rows at the mean of n rows u_i add sum exp(h . u_mean) <= (count / n) sum exp(h . u_i) to the
    normaliser, by Jensen's inequality, in every context h: KL <= log(1 + count / n) (Hewitt's note on
    vocabulary expansion). For the mean of a text's pieces n is their number, and the sum their share.
    """
    where = target.matrix.tensor
    if recipe.given is not None:
        return f"{where}: {recipe.given.output}; nothing bounds KL(before || after) in other contexts"
    pieces = len(recipe.sources)
    if pieces == 1:
        return (
            f"{where}: KL(before || after) is log(1 + {count} p) in every context, p the probability of the "
            "copied token there"
        )
    measured = f"; measured on `demo` for five tokens: {_MEASURED[recipe.kind]} nats a position"
    if recipe.kind == "text":
        return (
            f"{where}: KL(before || after) is at most log(1 + {count}/{pieces} P) in every context, P the "
            f"probability of the {pieces} pieces together, so never above "
            f"{math.log1p(count / pieces):.3g} nats{measured}"
        )
    trained = rows.trained.ids.size if rows.trained is not None else 0
    bound = f"log(1 + {count}/{trained}) = {math.log1p(count / max(trained, 1)):.3g} nats"
    if recipe.kind == "mean" and rows.factor == 1.0:
        return f"{where}: KL(before || after) is at most {bound} in every context{measured}"
    why = "scaled rows have no such bound" if recipe.kind == "mean" else "rows drawn around it have none"
    return f"{where}: KL(before || after) at the mean itself is at most {bound}; {why}{measured}"
