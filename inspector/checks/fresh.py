"""TOK304: tokens whose rows still hold the values that they were added with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from rowscope.inspector.arrays import median
from rowscope.inspector.census import BASE, PLACEHOLDER, RoledToken
from rowscope.inspector.checks.finding import Finding, Rule, Severity, id_evidence, row_location
from rowscope.inspector.checks.tokens import ORDER, token_severity, token_verdicts
from rowscope.inspector.evidence import CONFIDENCES, FRESH, VERDICTS, Facts, MatrixFacts
from rowscope.inspector.text import Said, joined, say

TOK304: Final = Rule("TOK304", "fresh-token", "warning", "A token that was added and never trained since.")

_SHOWN: Final = 3


def fresh_token(facts: Facts) -> Iterator[Finding]:
    """TOK304: one finding for all of them, of the highest severity among them, as TOK301 gives it.

    A token whose row is fresh in either matrix is named here and not by TOK301. Placeholders without a role
    wait for a claim: VOC106 has them.
    """
    holders = [item for item in facts.matrices if (item.evidence.verdict == FRESH).any()]
    details = [_detail(facts, holders, token) for token in _tokens(facts, holders)]
    if not details:
        return
    details.sort(key=lambda item: (-ORDER.index(item["severity"]), item["id"]))
    ids = np.array(sorted(item["id"] for item in details), dtype=np.int64)
    roles = sorted({role for item in details if item["severity"] == "error" for role in item["roles"]})
    recipes = Counter(words for item in details for words in set(item["recipe"].values()))
    first = facts.listed(item["id"] for item in details)
    worst: Severity = details[0]["severity"]
    yield TOK304.finding(
        say(
            "{count:# token still holds the value that it was|# tokens still hold what they were} added "
            "with: {listed} ({recipes}), in use as {roles}."
            if roles
            else "{count:# token still holds the value that it was|# tokens still hold what they were} added "
            "with: {listed} ({recipes}).",
            count=int(ids.size),
            listed=first,
            recipes=_listed(recipes),
            roles=", ".join(roles),
        ),
        row_location(holders[0].matrix.tensor, ids),
        severity=worst,
        confidence=_confidence(holders, ids.tolist()),
        evidence={**id_evidence(ids), "tokens": details, "recipes": dict(recipes)},
        hint=say(
            "Nothing has trained them since. Train their rows before they appear in a prompt: full "
            "fine-tuning, or trainable_token_indices with LoRA (plain LoRA leaves them as they are). "
            "`rowscope diff` then says how far they moved."
        ),
    )


def _tokens(facts: Facts, holders: list[MatrixFacts]) -> Iterator[RoledToken]:
    """Tokens with a fresh row: added ones, those with a role, and ordinary ones."""
    fresh = {id for item in holders for id in np.flatnonzero(item.evidence.verdict == FRESH).tolist()}
    codes, named = facts.census.codes, set()
    for token in facts.tokens:
        named.add(token.id)
        if token.id in fresh and (codes[token.id] != PLACEHOLDER or token.roles):
            yield token
    names = facts.vocabulary.tokens if facts.vocabulary else {}
    for id in sorted(fresh - named):
        if codes[id] == BASE:
            yield RoledToken(id, names.get(id), (), (), special=False)


def _detail(facts: Facts, holders: list[MatrixFacts], token: RoledToken) -> dict[str, Any]:
    recipes = {}
    for item in holders:
        found = item.evidence.recipes.get(token.id)
        if found is not None:
            for role in ("input", "output") if item.matrix.role == "both" else (item.matrix.role,):
                recipes[role] = found.words
    return {
        "id": token.id,
        "token": token.token,
        "text": facts.meaning(token.id),
        "roles": list(token.roles),
        "severity": token_severity(token),
        "verdict": {role: verdict for role, verdict in token_verdicts(facts, token.id).items() if verdict},
        "recipe": recipes,
    }


def _listed(recipes: Counter[str]) -> str:
    if len(recipes) == 1:
        return next(iter(recipes))
    most = recipes.most_common(_SHOWN)
    shown: list[Said] = [say("{count} {recipe}", count=count, recipe=words) for words, count in most]
    if len(recipes) > len(shown):
        shown.append(say("{more} in other ways", more=len(recipes) - len(shown)))
    return joined("; ", shown)


def _confidence(holders: list[MatrixFacts], ids: list[int]) -> Any:  # noqa: ANN401 - one of CONFIDENCES
    """The median confidence of the verdicts `fresh` among `ids`."""
    levels = [
        item.evidence.confidence[id]
        for item in holders
        for id in ids
        if id < item.evidence.verdict.size and VERDICTS[item.evidence.verdict[id]] == "fresh"
    ]
    return CONFIDENCES[int(median(levels))]
