"""How the claimed rows start out beside their neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from rowscope.inspector.census import Census
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.claim.model import Caution, Claimed
from rowscope.inspector.claim.planning.cost import cost_words
from rowscope.inspector.claim.values.recipe import Recipe
from rowscope.inspector.claim.values.targets import Target
from rowscope.inspector.claim.values.values import NewRows
from rowscope.inspector.frozen import record
from rowscope.inspector.rows import open_rows
from rowscope.inspector.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rowscope.inspector.evidence import MatrixFacts

_MADE_OF: Final = {"mean": "trained tokens", "text": "pieces of the text"}


@record
class Present:
    """What the claimed rows of one target are now: a verdict by claim, and the note on the reference."""

    verdicts: tuple[str, ...]
    note: str
    referred: bool


def present_rows(facts: MatrixFacts, claimed: Sequence[Claimed]) -> Present:
    """The verdicts of a full scan on the rows that are claimed."""
    from rowscope.inspector.evidence import VERDICTS

    verdicts = tuple(VERDICTS[facts.evidence.verdict[claim.id]] for claim in claimed)
    return Present(verdicts, facts.evidence.note, facts.evidence.reference is not None)


def kept_rows(
    target: Target, checkpoint: Checkpoint, vocabulary: Vocabulary, census: Census, claimed: Sequence[Claimed]
) -> Present:
    """The same of rows that keep their values, from the few rows that the judge reads: no scan."""
    from rowscope.inspector.evidence import LOW, TRAINED, VERDICTS, verdicts_of

    ids = np.array(sorted(claim.id for claim in claimed), dtype=np.int64)
    found = verdicts_of(target.matrix, checkpoint, vocabulary, census.codes, ids)
    unsure = (found.verdict == TRAINED) & ((found.confidence == LOW) | (found.reference is None))
    words = ["not judged" if unsure[at] else VERDICTS[verdict] for at, verdict in enumerate(found.verdict)]
    verdicts = dict(zip(ids.tolist(), words, strict=True))
    note = f"compared with {found.judged_on}"
    return Present(tuple(verdicts[claim.id] for claim in claimed), note, referred=True)


def row_cautions(
    target: Target, claimed: Sequence[Claimed], recipe: Recipe, rows: NewRows | None, present: Present | None
) -> Iterator[Caution]:
    """Warnings about one target; `rows` is None for `keep`, `present` where the rows were not judged."""
    if target.role in ("output", "both"):
        yield Caution("output-logit", _logit(target, claimed, recipe, rows, present))
        if rows is not None:
            yield Caution("cost", cost_words(target, len(claimed), recipe, rows))
    if present is not None:
        yield from _overwritten(target, claimed, recipe, present)
        if rows is not None and not present.referred:
            yield Caution(
                "unjudged", f"{target.matrix.tensor}: {present.note}; the mean is over all used rows"
            )
    yield from _equal_rows(target, claimed, rows)
    if rows is not None and rows.trained is not None:
        yield from _kept_padding(target, rows.trained.facts)


def _kept_padding(target: Target, facts: MatrixFacts) -> Iterator[Caution]:
    """Tokens that somebody added before, where a row existed already: nothing has given them a start."""
    from rowscope.inspector.evidence import kept_padding

    ids = kept_padding(facts).tolist()
    if ids:
        shown = ", ".join(map(str, ids[:5])) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
        yield Caution(
            "kept-padding",
            f"{target.matrix.tensor}: the tokens {shown} were added inside of the padding before, or never "
            "trained: their rows are still like the padding's. Give them a start value before training, as "
            "this claim does for its own",
        )


def _logit(
    target: Target, claimed: Sequence[Claimed], recipe: Recipe, rows: NewRows | None, present: Present | None
) -> str:
    """In one sentence, what the logit h . u of the new rows is before training."""
    where = target.matrix.tensor
    if rows is None:
        verdicts = sorted(set(present.verdicts)) if present is not None else ["not judged"]
        alike = "collapsed" in verdicts
        return (
            f"{where}: the rows keep their values ({', '.join(verdicts)}), so the output logits "
            + (
                "start nearly equal to those of the other untrained rows"
                if alike
                else "start as they are now"
            )
            + ", whatever the context"
        )
    if recipe.given is not None:
        return (
            f"{where}: one matrix has both roles, so the distilled input row is the output row, too; what "
            "its logit is was measured on the texts alone (see cost)"
        )
    if recipe.kind == "normal":
        return f"{where}: the output logits start like those of a trained token drawn at random"
    if len(recipe.sources) == 1:
        return (
            f"{where}: the output logits start equal to that of {recipe.text.partition(':')[2]!r} "
            f"(id {recipe.sources[0]}) in every context, and share its probability"
        )
    start = "the mean" if rows.factor == 1.0 else f"{rows.factor:.3g} times the mean"
    return (
        f"{where}: in every context the output logits start at {start} logit of the {_MADE_OF[recipe.kind]}"
        + ("; --no-scale makes it exactly the mean" if rows.factor != 1.0 else "")
    )


def _overwritten(
    target: Target, claimed: Sequence[Claimed], recipe: Recipe, present: Present
) -> Iterator[Caution]:
    for claim, verdict in zip(claimed, present.verdicts, strict=True):
        if verdict == "trained":
            what = "keeps" if recipe.kind == "keep" else "overwrites"
            yield Caution(
                "looks-trained",
                f"row {claim.id} of {target.matrix.tensor} looks trained although no token in use has it; "
                f"the claim {what} it",
            )
        elif recipe.kind == "keep" and verdict in ("zero", "vanishing", "nonfinite", "damaged"):
            yield Caution(
                verdict,
                f"row {claim.id} of {target.matrix.tensor} is {verdict} and stays so with --values keep",
            )


def _equal_rows(target: Target, claimed: Sequence[Claimed], rows: NewRows | None) -> Iterator[Caution]:
    if len(claimed) < 2:
        return
    ids = np.array([claim.id for claim in claimed], dtype=np.int64)
    if rows is None and target.matrix.undecodable is not None:
        return
    if rows is None:
        with open_rows(target.matrix) as reader:
            raw = reader.gather(ids)
    else:
        raw = rows.raw
    distinct = len({row.tobytes() for row in raw})
    if distinct < ids.size:
        yield Caution(
            "duplicate",
            f"{target.matrix.tensor}: the {ids.size:,} new rows start with only {distinct} distinct vectors, "
            "so training must tell equal ones apart by their contexts; --values normal makes them differ",
        )
