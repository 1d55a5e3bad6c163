"""Rows for `claim --values distil:TEXT`: model mode computes them, and the claim writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rowscope.inspector.text import joined, say
from rowscope.progress import StageProgress

if TYPE_CHECKING:
    from rowscope.inspector.checkpoint import Checkpoint
    from rowscope.inspector.claim import ClaimPlan, GivenRows
    from rowscope.inspector.model import DistilResult, Loaded


def given_rows(checkpoint: Checkpoint, tokens: Sequence[str], recipe: dict[str, Any]) -> GivenRows:
    """Distilled rows, in the tokens' order.

    Args:
        recipe: as `plan_claim` takes it, `values` being `distil:TEXT` or `distil:@FILE` with a text a line.

    Raises:
        UsageError: no text, or none with a token in it; as `plan_claim`.
        RefusedError: as `plan_claim`, which is asked before the model is loaded, and `distil`.
        MissingExtraError: the extra `model` is not installed.
    """
    from rowscope.inspector.claim import plan_claim

    texts = read_texts(recipe["values"].partition(":")[2], tokens)
    plan = plan_claim(checkpoint, tokens, **{**recipe, "values": "keep"})
    with StageProgress("reading the checkpoint") as progress:
        return distilled(checkpoint, plan, texts, seed=recipe["seed"], progress=progress)


def distilled(
    source: Checkpoint | Loaded,
    plan: ClaimPlan,
    texts: Sequence[str],
    *,
    seed: int,
    progress: Callable[[str, int, int], None] | None,
) -> GivenRows:
    """Distilled rows of the tokens that a plan claims.

    Raises:
        UsageError, RefusedError, MissingExtraError: as `distil`.
    """
    from rowscope.inspector.claim import GivenRows
    from rowscope.inspector.model import distil

    tokens = {claim.token: claim.id for claim in plan.claimed}
    result = distil(source, tokens, texts, seed=seed, progress=progress)
    return GivenRows(np.stack([row.values for row in result.rows]), _source(result), _output(result))


def read_texts(argument: str, tokens: Sequence[str]) -> list[str]:
    """The texts of `distil:TEXT`, or a text a line of `distil:@FILE`; looked at before any model is loaded.

    Raises:
        UsageError: none, a file that cannot be read, or a token that occurs in none of them.
    """
    from rowscope.inspector.errors import UsageError
    from rowscope.inspector.model import read_prompts

    if argument.startswith("@"):
        texts = [prompt.text for prompt in read_prompts(argument[1:], option="--values")]
    else:
        texts = [line for line in argument.split("\n") if line.strip()]
    if not texts:
        raise UsageError(
            "--values 'distil:': give a text with the token in it, as distil:TEXT or distil:@FILE",
            location="--values",
        )
    absent = next((token for token in tokens if not any(token in text for text in texts)), None)
    if absent is not None:
        raise UsageError(
            f"--values distil: {absent!r} occurs in none of the texts; write it where it is "
            f"meant, such as 'distil:The lamp costs {absent} today.', or one text a line in distil:@FILE",
            location="--values",
        )
    return texts


def _source(result: DistilResult) -> str:
    told = [
        say(
            "{token} from its {pieces:# piece|# pieces} on {texts:# text|# texts}, difference of the hidden "
            "states {before:.3g} (mean of the pieces) -> {after:.3g} of their mean square",
            token=row.token,
            pieces=len(row.pieces),
            texts=row.texts,
            before=row.before,
            after=row.after,
        )
        for row in result.rows
    ]
    return say("distilled: {tokens}", tokens=joined("; ", told))


def _output(result: DistilResult) -> str:
    if not result.settings.tied:
        return ""
    return say(
        "as an output row the distilled row takes {mean:.2g} of the probability where it is not due in these "
        "texts, at most {most:.2g} at one position",
        mean=float(np.mean([row.output_mean for row in result.rows])),
        most=max(row.output_max for row in result.rows),
    )
