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
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rowscope.inspector.evidence import MatrixFacts

_MADE_OF: Final = {"mean": say("trained tokens"), "text": say("pieces of the text")}


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
    note = say("compared with {judged}", judged=found.judged_on)
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
                "unjudged",
                say(
                    "{name}: {said}",
                    name=target.matrix.tensor,
                    said=say("{note}; the mean is over all used rows", note=present.note),
                ),
            )
    yield from _equal_rows(target, claimed, rows)
    if rows is not None and rows.trained is not None:
        yield from _kept_padding(target, rows.trained.facts)


def _kept_padding(target: Target, facts: MatrixFacts) -> Iterator[Caution]:
    """Tokens that somebody added before, where a row existed already: nothing has given them a start."""
    from rowscope.inspector.evidence import kept_padding

    ids = kept_padding(facts).tolist()
    if ids:
        shown: str = ", ".join(map(str, ids[:5]))
        if len(ids) > 5:
            shown = say("{shown} and {more} more", shown=shown, more=len(ids) - 5)
        yield Caution(
            "kept-padding",
            say(
                "{tensor}: the tokens {ids} were added inside of the padding before, or never trained: their "
                "rows are still like the padding's. Give them a start value before training, as this claim "
                "does for its own",
                tensor=target.matrix.tensor,
                ids=shown,
            ),
        )


def _logit(
    target: Target, claimed: Sequence[Claimed], recipe: Recipe, rows: NewRows | None, present: Present | None
) -> str:
    """In one sentence, what the logit h . u of the new rows is before training."""
    where = target.matrix.tensor
    if rows is None:
        verdicts = sorted(set(present.verdicts)) if present is not None else ["not judged"]
        alike = "collapsed" in verdicts
        return say(
            "{tensor}: the rows keep their values ({verdicts}), so the output logits start nearly equal to "
            "those of the other untrained rows, whatever the context"
            if alike
            else "{tensor}: the rows keep their values ({verdicts}), so the output logits start as they are "
            "now, whatever the context",
            tensor=where,
            verdicts=", ".join(verdicts),
        )
    if recipe.given is not None:
        return say(
            "{tensor}: one matrix has both roles, so the distilled input row is the output row, too; what "
            "its logit is was measured on the texts alone (see cost)",
            tensor=where,
        )
    if recipe.kind == "normal":
        return say(
            "{tensor}: the output logits start like those of a trained token drawn at random", tensor=where
        )
    if len(recipe.sources) == 1:
        return say(
            "{tensor}: the output logits start equal to that of {token!r} (id {id:d}) in every context, and "
            "share its probability",
            tensor=where,
            token=recipe.text.partition(":")[2],
            id=recipe.sources[0],
        )
    made_of = _MADE_OF[recipe.kind]
    if rows.factor == 1.0:
        return say(
            "{tensor}: in every context the output logits start at the mean logit of the {tokens}",
            tensor=where,
            tokens=made_of,
        )
    return say(
        "{tensor}: in every context the output logits start at {factor:.3g} times the mean logit of the "
        "{tokens}; --no-scale makes it exactly the mean",
        tensor=where,
        factor=rows.factor,
        tokens=made_of,
    )


def _overwritten(
    target: Target, claimed: Sequence[Claimed], recipe: Recipe, present: Present
) -> Iterator[Caution]:
    for claim, verdict in zip(claimed, present.verdicts, strict=True):
        if verdict == "trained":
            kept = recipe.kind == "keep"
            yield Caution(
                "looks-trained",
                say(
                    "row {id:d} of {tensor} looks trained although no token in use has it; the claim keeps it"
                    if kept
                    else "row {id:d} of {tensor} looks trained although no token in use has it; the claim "
                    "overwrites it",
                    id=claim.id,
                    tensor=target.matrix.tensor,
                ),
            )
        elif recipe.kind == "keep" and verdict in ("zero", "vanishing", "nonfinite", "damaged"):
            yield Caution(
                verdict,
                say(
                    "row {id:d} of {tensor} is {verdict} and stays so with --values keep",
                    id=claim.id,
                    tensor=target.matrix.tensor,
                    verdict=verdict,
                ),
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
            say(
                "{tensor}: the {count} new rows start with only {distinct:# distinct vector|# distinct "
                "vectors}, so training must tell equal ones apart by their contexts; --values normal makes "
                "them differ",
                tensor=target.matrix.tensor,
                count=int(ids.size),
                distinct=distinct,
            ),
        )
