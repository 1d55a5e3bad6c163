"""TOK308: ids that a file states and loading does not give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from rowscope.inspector.checks.finding import MAX_IDS, Finding, Rule, id_evidence
from rowscope.inspector.evidence import Facts
from rowscope.inspector.text import Said, joined, say
from rowscope.inspector.vocabulary import Shift

TOK308: Final = Rule(
    "TOK308", "shifted-ids", "warning", "Tokens load under another id than a file states, or share one."
)


def shifted_ids(facts: Facts) -> Iterator[Finding]:
    """TOK308: one finding for the shifted tokens of every file, and the ids that are stated twice."""
    if facts.vocabulary is None:
        return
    shifts, twice = facts.vocabulary.shifts, facts.vocabulary.twice
    if not shifts and not twice:
        return
    ids = np.array(sorted({*(shift.id for shift in shifts), *twice}), dtype=np.int64)
    sentences = [*_shifted(shifts), *_twice(twice), *_stated_elsewhere(facts, shifts)]
    source = shifts[0].source if shifts else facts.vocabulary.kind.partition("/")[0]
    yield TOK308.finding(
        joined(" ", sentences),
        f"{source}: added_tokens" if shifts else source,
        evidence={
            **id_evidence(ids),
            "shifted": [
                {"token": shift.token, "stated": shift.stated, "id": shift.id, "source": shift.source}
                for shift in shifts[:MAX_IDS]
            ],
            "twice": [{"id": id, "tokens": [*tokens]} for id, tokens in [*twice.items()][:MAX_IDS]],
        },
        hint=say(
            "Rows that were trained under the stated ids now go by their neighbours' names. Give each token "
            "an id of its own, in the order of the file and without gaps, behind the ids of the model: the "
            "tokenizers library counts on from there, whatever the file states. Then compare with the "
            "tokenizer that the model was trained with."
        ),
    )


def _shifted(shifts: tuple[Shift, ...]) -> Iterator[Said]:
    if not shifts:
        return
    first = shifts[0]
    yield say(
        "{count:# token loads|# tokens load} under another id than {file} states, first {token!r}: "
        "{stated:d} -> {id:d}.",
        count=len({shift.token for shift in shifts}),
        file=first.source,
        token=first.token,
        stated=first.stated,
        id=first.id,
    )


def _twice(twice: Mapping[int, tuple[str, ...]]) -> Iterator[Said]:
    if twice:
        id, tokens = next(iter(twice.items()))
        yield say(
            "Id {id:d} is stated for {tokens}, and {more} more."
            if len(twice) > 1
            else "Id {id:d} is stated for {tokens}.",
            id=id,
            tokens=joined(" and for ", map(repr, tokens[:3])),
            more=len(twice) - 1,
        )


def _stated_elsewhere(facts: Facts, shifts: tuple[Shift, ...]) -> Iterator[Said]:
    """Roles that the configs give to an id that a shifted token was stated to have."""
    stated = {shift.stated: shift for shift in shifts}
    for token in facts.tokens:
        places = [source for source in token.sources if ".json: " in source]
        shift = stated.get(token.id)
        if places and shift is not None and token.token != shift.token:
            yield say(
                "{place} {id:d} was {token!r} by the file, and loads as {loaded}.",
                place=places[0],
                id=token.id,
                token=shift.token,
                loaded=facts.text(token.id),
            )
