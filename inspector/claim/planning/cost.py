"""What new output rows cost before they are trained: how far they can move next-token distributions."""

from __future__ import annotations

import math
from typing import Final

from rowscope.inspector.claim.values.recipe import Recipe
from rowscope.inspector.claim.values.targets import Target
from rowscope.inspector.claim.values.values import NewRows
from rowscope.inspector.text import say

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
        return say(
            "{tensor}: {said}; nothing bounds KL(before || after) in other contexts",
            tensor=where,
            said=recipe.given.output,
        )
    pieces = len(recipe.sources)
    if pieces == 1:
        return say(
            "{tensor}: KL(before || after) is log(1 + {count} p) in every context, p the probability of the "
            "copied token there",
            tensor=where,
            count=count,
        )
    measured = say("measured on `demo` for five tokens: {nats} nats a position", nats=_MEASURED[recipe.kind])
    if recipe.kind == "text":
        return say(
            "{tensor}: KL(before || after) is at most log(1 + {count}/{pieces} P) in every context, P the "
            "probability of the {pieces} pieces together, so never above {most:.3g} nats; {measured}",
            tensor=where,
            count=count,
            pieces=pieces,
            most=math.log1p(count / pieces),
            measured=measured,
        )
    trained = rows.trained.ids.size if rows.trained is not None else 0
    bound = f"log(1 + {count}/{trained}) = {math.log1p(count / max(trained, 1)):.3g} nats"
    if recipe.kind == "mean" and rows.factor == 1.0:
        return say(
            "{tensor}: KL(before || after) is at most {bound} in every context; {measured}",
            tensor=where,
            bound=bound,
            measured=measured,
        )
    scaled, drawn = say("scaled rows have no such bound"), say("rows drawn around it have none")
    return say(
        "{tensor}: KL(before || after) at the mean itself is at most {bound}; {why}; {measured}",
        tensor=where,
        bound=bound,
        why=scaled if recipe.kind == "mean" else drawn,
        measured=measured,
    )
