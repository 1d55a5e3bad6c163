"""TOK307: ids that the tokenizer inserts for a token that is another, or none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rowscope.inspector.checks.finding import MAX_IDS, Finding, Rule
from rowscope.inspector.evidence import Facts
from rowscope.inspector.text import Said, joined, say
from rowscope.inspector.vocabulary import Insertion, Vocabulary, ids_of

TOK307: Final = Rule(
    "TOK307", "wrong-inserted-id", "warning", "The tokenizer inserts an id that is another token, or none."
)

_SHOWN: Final = 3
_WORDS: Final = {
    "no row": say("which has no row"),
    "unmapped": say("which no token has"),
    "unlisted": say("which it only gets by being loaded: no file lists it"),
}


def wrong_inserted_id(facts: Facts) -> Iterator[Finding]:
    """TOK307: one finding for all; an error where one of the ids has no row."""
    if facts.vocabulary is None or not facts.census.rows:
        return
    places = [*_places(facts, facts.vocabulary)]
    if not places:
        return
    worst = [item for item in places if item["fault"] == "no row"]
    first = worst + [item for item in places if item["fault"] != "no row"]
    shown = [_sentence(item, facts.vocabulary) for item in first[:_SHOWN]]
    if len(places) > _SHOWN:
        shown.append(say("and {more} more", more=len(places) - _SHOWN))
    ids = sorted({item["id"] for item in places})
    yield TOK307.finding(
        say("{faults}.", faults=joined("; ", shown)),
        first[0]["place"],
        severity="error" if worst else "warning",
        evidence={"count": len(ids), "ids": ids[:MAX_IDS], "places": places[:MAX_IDS]},
        hint=_hint(first[0]),
    )


def _places(facts: Facts, vocabulary: Vocabulary) -> Iterator[dict[str, Any]]:
    rows = facts.census.rows + facts.checkpoint.layout.behind
    named = {item.token for item in vocabulary.insertions}
    right = {token: ids[-1] for token, ids in ids_of(vocabulary.tokens, named).items()} if named else {}
    for item in vocabulary.insertions:
        found = vocabulary.tokens.get(item.id)
        if found == item.token and item.id < rows:
            continue
        fault = "no row" if item.id >= rows else "unmapped" if found is None else "another token"
        yield _entry(item, found, right.get(item.token), fault)
    for item in vocabulary.unlisted:
        yield _entry(item, item.token, item.id, "no row" if item.id >= rows else "unlisted")


def _entry(item: Insertion, found: str | None, right: int | None, fault: str) -> dict[str, Any]:
    return {
        "place": item.place,
        "token": item.token,
        "id": item.id,
        "found": found,
        "right": right,
        "fault": fault,
    }


def _sentence(item: dict[str, Any], vocabulary: Vocabulary) -> Said:
    fault = _WORDS.get(item["fault"]) or say("which is {token}", token=vocabulary.quoted(item["id"]))
    return say(
        "{place} names {token!r} with id {id:d}, {fault} (the token has {right:d})"
        if item["right"] not in (None, item["id"])
        else "{place} names {token!r} with id {id:d}, {fault}",
        place=item["place"],
        token=item["token"],
        id=item["id"],
        fault=fault,
        right=item["right"],
    )


def _hint(item: dict[str, Any]) -> Said:
    file = item["place"].partition(":")[0]
    if item["right"] is None:
        return say("Name a token in {file} that the tokenizer has, with its id.", file=file)
    if item["right"] != item["id"]:
        return say(
            "Set the id in {file} to {right:d}, which {token!r} has once loaded.",
            file=file,
            right=item["right"],
            token=item["token"],
        )
    return say(
        "Name a token in {place} that the tokenizer has and the model knows, or give it a row: `rowscope "
        "claim PATH TOKEN --out DIR`, and train it.",
        place=item["place"],
    )
