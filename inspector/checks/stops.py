"""TOK305: does generation stop where the chat template ends a turn?

transformers' `generate` stops at the ids of generation_config.json alone where that file is there, else at
those of config.json; neither the tokenizer's eos token nor the template counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from rowscope.inspector.checks.finding import Confidence, Finding, Rule, Severity
from rowscope.inspector.evidence import CONFIG, GENERATION, TOKENIZER, Facts, Stops
from rowscope.inspector.text import Said, joined, say
from rowscope.inspector.vocabulary import ids_of

TOK305: Final = Rule(
    "TOK305", "stop-tokens-disagree", "warning", "Generation does not stop where other files end a turn."
)

_WORDS: Final = {CONFIG: CONFIG, GENERATION: GENERATION, TOKENIZER: say("the tokenizer's eos token")}


def stop_tokens_disagree(facts: Facts) -> Iterator[Finding]:
    """TOK305: the gravest of its situations alone, in this order.

    An answer's end is no stop token: error where a config or the tokenizer names it as one, else a warning
    (base models come with templates that they were not trained on). No file that counts states a stop
    token; a tool call's end is none; the tokenizer's or the config's is none: warnings.
    """
    stops = facts.stops
    if stops is None or not stops.generates or facts.vocabulary is None:
        return
    turns = stops.turns
    ends = _ids(facts, turns.ends) if turns else ()
    met = {*_ids(facts, (*turns.after, *turns.between))} if turns else set()
    call = _ids(facts, turns.after_call or ()) if turns else ()
    own = [id for id in stops.named.get(TOKENIZER, ()) if id not in stops.ids]
    if ends and not met & set(stops.ids) and not _stopped_by_text(stops):
        yield _endless_turn(facts, stops, ends)
    elif own and not stops.ids:
        message = say(
            "{nothing}; the tokenizer's is {listed}.", nothing=_nothing(stops), listed=facts.listed(own)
        )
        yield _finding(facts, stops, own, message)
    elif call and not {*call} & set(stops.ids):
        yield _endless_call(facts, stops, call[-1])
    elif own:
        message = say(
            "The tokenizer's eos token {listed} does not stop generation: {file} names {stops}.",
            listed=facts.listed(own),
            file=stops.decides,
            stops=_listed(facts, stops.ids),
        )
        yield _finding(facts, stops, own, message)
    elif stops.decides == GENERATION:
        yield from _unread_config(facts, stops)


def _nothing(stops: Stops) -> Said:
    return say(
        "{file} states no eos_token_id: generation stops at its length limit alone", file=stops.decides
    )


def _endless_turn(facts: Facts, stops: Stops, ends: tuple[int, ...]) -> Finding:
    """The end of an answer stops nothing."""
    named = [(source, id) for source, ids in stops.named.items() for id in ids if id in ends]
    end = named[0][1] if named else ends[-1]
    others = [_WORDS[source] for source, id in named if id == end]
    stated = say("Generation stops at {stops} ({file})", stops=_listed(facts, stops.ids), file=stops.decides)
    return _finding(
        facts,
        stops,
        [end],
        say(
            "{stated}, but the chat template ends an answer with {end}, as {also} {others:says|say}: "
            "generation runs on past the turn."
            if others
            else "{stated}, but the chat template ends an answer with {end}: generation runs on past the "
            "turn.",
            stated=stated if stops.ids else _nothing(stops),
            end=facts.listed([end]),
            also=joined(" and ", others),
            others=len(others),
        ),
        severity="error" if named else "warning",
        confidence="high" if named else "medium",
    )


def _endless_call(facts: Facts, stops: Stops, end: int) -> Finding:
    return _finding(
        facts,
        stops,
        [end],
        say(
            "Generation stops at {stops} ({file}), but the chat template ends a tool call with {end}: "
            "generation runs on into the tool's answer.",
            stops=_listed(facts, stops.ids),
            file=stops.decides,
            end=facts.listed([end]),
        ),
        confidence="medium",
    )


def _unread_config(facts: Facts, stops: Stops) -> Iterator[Finding]:
    """config.json names stop tokens of its own, which nothing reads beside generation_config.json."""
    theirs = stops.named.get(CONFIG, ())
    if stops.ids and theirs and not set(theirs) & set(stops.ids):
        message = say(
            "config.json names {theirs}, generation_config.json {stops}: transformers stops at the latter "
            "alone, other servers may not.",
            theirs=_listed(facts, theirs),
            stops=_listed(facts, stops.ids),
        )
        yield _finding(facts, stops, list(theirs), message)


def _finding(
    facts: Facts,
    stops: Stops,
    missing: list[int],
    message: Said,
    *,
    severity: Severity = "warning",
    confidence: Confidence = "high",
) -> Finding:
    turns = stops.turns
    hint = _line(stops, missing)
    if turns is not None and severity == "warning" and confidence == "medium":
        hint = joined(" ", [hint, say("A base model that is not meant to chat needs no change.")])
    return TOK305.finding(
        message,
        f"{stops.decides}: {stops.place}",
        severity=severity,
        confidence=confidence,
        evidence={
            "count": len(missing),
            "ids": missing,
            "stops": list(stops.ids),
            "stops_from": stops.decides,
            "named": {source: list(ids) for source, ids in stops.named.items()},
            "turn_ends": list(_ids(facts, turns.ends)) if turns else [],
            "call_ends": list(_ids(facts, turns.after_call or ())) if turns else [],
            "template": turns.template.source if turns else None,
        },
        hint=hint,
    )


def _line(stops: Stops, missing: list[int]) -> Said:
    """The line to change."""
    wanted = [*missing, *(id for id in stops.ids if id not in missing)]
    line = f'"eos_token_id": {json.dumps(wanted if len(wanted) > 1 else wanted[0])}'
    inside = stops.place.rpartition(".")[0]
    where = say("{file}, inside {key},", file=stops.decides, key=inside) if inside else stops.decides
    if not stops.ids:
        change = say("In {where} add {line}", where=where, line=line)
    else:
        before = json.dumps(list(stops.ids) if len(stops.ids) > 1 else stops.ids[0])
        change = say(
            'In {where} change "eos_token_id": {before} to {line}', where=where, before=before, line=line
        )
    both = stops.decides == GENERATION and not set(missing) & set(stops.named.get(CONFIG, ()))
    return say(
        "{change}, and in config.json likewise: transformers then stops there."
        if both
        else "{change}: transformers then stops there.",
        change=change,
    )


def _listed(facts: Facts, ids: Iterable[int]) -> str:
    return facts.listed(ids, limit=4)


def _ids(facts: Facts, contents: Iterable[str]) -> tuple[int, ...]:
    """Ids of added tokens, in the order of the contents."""
    contents = tuple(contents)
    if facts.vocabulary is None or not contents:
        return ()
    found = ids_of(facts.vocabulary.tokens, set(contents))
    return tuple(found[content][-1] for content in contents if content in found)


def _stopped_by_text(stops: Stops) -> bool:
    """Whether one of generation_config.json's `stop_strings` stands behind an answer."""
    return stops.turns is not None and any(text in stops.turns.tail for text in stops.texts)
