"""TOK: tokens that the model never learned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median
from rowscope.inspector.census import BASE, MODAL_KEYS, PLACEHOLDER, RoledToken
from rowscope.inspector.checks.finding import Finding, Rule, Severity, id_evidence, row_location
from rowscope.inspector.checks.rows import no_text
from rowscope.inspector.evidence import (
    CONFIDENCES,
    FRESH,
    TRAINED,
    VERDICTS,
    Facts,
    MatrixFacts,
    kept_padding,
)
from rowscope.inspector.text import Said, joined, say

TOK301: Final = Rule(
    "TOK301", "untrained-special-token", "warning", "A special or added token never trained."
)
TOK302: Final = Rule("TOK302", "untrained-ordinary-tokens", "note", "Ordinary tokens never trained.")
TOK303: Final = Rule("TOK303", "unreachable-tokens", "note", "Tokens that no text encodes to.")

_REPLACED: Final = frozenset(MODAL_KEYS.values())
"""Roles of tokens whose rows a model replaces by what it sees or hears: they need no training."""

ORDER: Final[tuple[Severity, ...]] = ("note", "warning", "error")
"""Severities, the mildest first."""


def untrained_special_token(facts: Facts) -> Iterator[Finding]:
    """TOK301: one finding for all of them, of the highest severity among them.

    An error where the chat template or an eos role uses the token, a note where padding is its only role,
    else a warning. Placeholders without a role are VOC106's.
    """
    details = [detail for token in facts.tokens if (detail := _detail(facts, token))]
    if not details or not facts.matrices:
        return
    details.sort(key=lambda item: (-ORDER.index(item["severity"]), item["id"]))
    worst: Severity = details[0]["severity"]
    ids = np.array(sorted(item["id"] for item in details), dtype=np.int64)
    first = facts.listed(item["id"] for item in details)
    roles = sorted({role for item in details if item["severity"] == "error" for role in item["roles"]})
    padding = {id for item in facts.matrices for id in kept_padding(item).tolist()}
    kept = np.array([id for id in ids.tolist() if id in padding], dtype=np.int64)
    yield TOK301.finding(
        say(
            "{count:# special or added token was|# special or added tokens were} never trained: {listed} (in "
            "use as {roles})."
            if roles
            else "{count:# special or added token was|# special or added tokens were} never trained: "
            "{listed}.",
            count=int(ids.size),
            listed=first,
            roles=", ".join(roles),
        ),
        row_location(facts.matrices[0].matrix.tensor, ids),
        severity=worst,
        confidence=_confidence(facts, ids),
        evidence={**id_evidence(ids), "tokens": details, "as_padding": kept.tolist()},
        hint=_training(facts, kept),
    )


def _training(facts: Facts, kept: NDArray[np.int64]) -> Said:
    """How to train them, and what to know of those whose rows are still the padding's."""
    step = say(
        "Train them before they appear in a prompt: include their rows in training (full fine-tuning, or "
        "trainable_token_indices with LoRA), or use tokens that the model knows."
    )
    if not kept.size:
        return step
    caution = say(
        "Those still like the padding behind them ({listed}) may have been added without a resize, which "
        "gives no start value: write one first.",
        listed=facts.listed(kept.tolist(), limit=1),
    )
    return joined(" ", [step, caution])


def _detail(facts: Facts, token: RoledToken) -> dict[str, Any] | None:
    if token.id >= facts.census.rows or not facts.looked_up(token.id):
        return None
    if facts.census.codes[token.id] == PLACEHOLDER and not token.roles:
        return None
    if any(token.id < item.matrix.rows and item.damaged[token.id] for item in facts.matrices):
        return None  # FIL005 speaks of it
    verdicts = {role: verdict for role, verdict in token_verdicts(facts, token.id).items() if verdict}
    # TOK304 speaks of tokens that were added and never trained since.
    if "fresh" in verdicts.values() or all(verdict == "trained" for verdict in verdicts.values()):
        return None
    return {
        "id": token.id,
        "token": token.token,
        "text": facts.meaning(token.id),
        "roles": list(token.roles),
        "severity": token_severity(token),
        "verdict": verdicts,
    }


def token_severity(token: RoledToken) -> Severity:
    """How grave it is that a token was never trained, by its roles."""
    if _REPLACED & set(token.roles):
        return "note"
    if {"chat_template", "eos"} & set(token.roles):
        return "error"
    return "note" if set(token.roles) == {"pad"} else "warning"


def token_verdicts(facts: Facts, id: int) -> dict[str, str | None]:
    """Verdict of a token in the matrix of either role; None where it has no row there."""
    found: dict[str, str | None] = {}
    for role in ("input", "output"):
        item = next((m for m in facts.matrices if m.matrix.role in (role, "both")), None)
        has_row = item is not None and id < item.evidence.verdict.size
        found[role] = VERDICTS[item.evidence.verdict[id]] if item is not None and has_row else None
    return found


def _confidence(facts: Facts, ids: NDArray[np.int64]) -> Any:  # noqa: ANN401 - one of CONFIDENCES
    """The median confidence of the untrained verdicts among `ids`."""
    levels = [
        item.evidence.confidence[id]
        for item in facts.matrices
        for id in ids[ids < item.evidence.verdict.size]
        if item.evidence.verdict[id] != TRAINED
    ]
    return CONFIDENCES[int(median(levels))] if levels else "low"


def untrained_ordinary_tokens(facts: Facts) -> Iterator[Finding]:
    """TOK302, by matrix, ranked from the surest."""
    for item in facts.matrices:
        untrained = item.evidence.untrained & (item.evidence.verdict != FRESH) & ~item.damaged
        ids = facts.among_looked_up(np.flatnonzero((item.codes == BASE) & untrained))
        if not ids.size:
            continue
        # Those that no text reaches cannot do harm: they come last.
        ranked = ids[rank(item, ids)]
        ranked = ranked[np.argsort(np.isin(ranked, no_text(facts, item)), kind="stable")]
        listed = facts.listed(ranked[:3].tolist())
        yield TOK302.finding(
            say(
                "{count:# ordinary token looks|# ordinary tokens look} untrained in {tensor}, such as "
                "{listed}.",
                count=int(ids.size),
                tensor=item.matrix.tensor,
                listed=listed,
            ),
            row_location(item.matrix.tensor, ids),
            confidence=_confidence(facts, ids),
            evidence=id_evidence(ranked),
            hint=say(
                "Text that tokenises to them reads as noise to the model (glitch tokens). `rowscope "
                "suspects` shows the whole list with its evidence."
            ),
        )


def rank(item: MatrixFacts, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order of the row ids [n] from the surest untrained: confidence, then cosine to the reference."""
    cosine = np.nan_to_num(item.evidence.indicators.centred[ids], nan=-2.0)
    return np.lexsort((ids, -cosine, -item.evidence.confidence[ids]))


def unreachable_tokens(facts: Facts) -> Iterator[Finding]:
    """TOK303: only where reachability was asked for."""
    if facts.unreachable is None or not facts.unreachable.size:
        return
    ids = facts.unreachable
    listed = facts.listed(ids.tolist())
    yield TOK303.finding(
        say(
            "{count:# token|# tokens} cannot be reached: decoded and encoded again, {listed} "
            "{count:becomes|become} other ids.",
            count=int(ids.size),
            listed=listed,
        ),
        row_location(facts.matrices[0].matrix.tensor, ids) if facts.matrices else "tokenizer",
        evidence=id_evidence(ids),
        hint=say(
            "No text produces them, so they stay untrained unless ids were fed directly. They are safe to "
            "leave alone."
        ),
    )
