"""TOK307: ids that the tokenizer inserts for a token that is another, or none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rowscope.inspector.checks.finding import MAX_IDS, Finding, Rule
from rowscope.inspector.evidence import Facts
from rowscope.inspector.vocabulary import Insertion, Vocabulary, ids_of

TOK307: Final = Rule(
    "TOK307", "wrong-inserted-id", "warning", "The tokenizer inserts an id that is another token, or none."
)

_SHOWN: Final = 3
_WORDS: Final = {
    "no row": "which has no row",
    "unmapped": "which no token has",
    "unlisted": "which it only gets by being loaded: no file lists it",
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
    shown = "; ".join(_sentence(item, facts.vocabulary) for item in first[:_SHOWN])
    more = f"; and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    ids = sorted({item["id"] for item in places})
    yield TOK307.finding(
        f"{shown}{more}.",
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


def _sentence(item: dict[str, Any], vocabulary: Vocabulary) -> str:
    words = _WORDS.get(item["fault"], f"which is {vocabulary.quoted(item['id'])}")
    right = f" (the token has {item['right']})" if item["right"] not in (None, item["id"]) else ""
    return f"{item['place']} names {item['token']!r} with id {item['id']}, {words}{right}"


def _hint(item: dict[str, Any]) -> str:
    file = item["place"].partition(":")[0]
    if item["right"] is None:
        return f"Name a token in {file} that the tokenizer has, with its id."
    if item["right"] != item["id"]:
        return f"Set the id in {file} to {item['right']}, which {item['token']!r} has once loaded."
    return (
        f"Name a token in {item['place']} that the tokenizer has and the model knows, or give it a row: "
        "`rowscope claim PATH TOKEN --out DIR`, and train it."
    )
