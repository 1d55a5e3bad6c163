"""What behaviour says of each token, whether it can tell at all, and where weights and behaviour part."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rowscope.inspector.evidence import CONFIDENCES, GRADES, VERDICTS
from rowscope.inspector.model.verify.results import (
    STATES,
    Ability,
    AgreementRow,
    Measured,
    Thresholds,
    TokenCheck,
)
from rowscope.inspector.model.verify.weights import UNJUDGED, Opinion

# Fewer control tokens than this show nothing.
_FEW: Final = 20
THRESHOLDS: Final = Thresholds(verified=0.01, known=0.1, carrier=0.99, able=0.5)
VERIFIED, WEAK, KNOWN, UNTOLD = STATES


def by_prompts(measured: Measured) -> str:
    """The state by the largest probability over the prompts."""
    largest = largest_of(measured)
    if not math.isfinite(largest):
        return UNTOLD
    if largest < THRESHOLDS.verified:
        return VERIFIED
    return WEAK if largest < THRESHOLDS.known else KNOWN


def by_carriers(measured: Measured) -> str:
    """The state by the token's best standing, over the carriers, among other untrained tokens' contexts."""
    found = list(measured.standing.values())
    if not found or not all(map(math.isfinite, (*found, *measured.second.values()))):
        return UNTOLD
    return KNOWN if max(found) >= THRESHOLDS.carrier else VERIFIED


def largest_of(measured: Measured) -> float:
    """Largest probability over the prompts; NaN where one is."""
    values = list(measured.p.values())
    return max(values) if all(map(math.isfinite, values)) else math.nan


def more_likely(measured: Measured) -> bool:
    """Whether the token is more likely after it was seen than before, in every carrier."""
    return all(measured.second[name] > before for name, before in measured.first.items())


def ability(controls: Sequence[Measured]) -> Ability:
    """Whether trained tokens are known by the prompts, else by the carriers; fewer than 20 show neither."""
    prompts = _share(by_prompts(found) for found in controls)
    carriers = _share(by_carriers(found) for found in controls)
    able = [
        name
        for name, share in (("prompts", prompts), ("carriers", carriers))
        if share is not None and share >= THRESHOLDS.able and len(controls) >= _FEW
    ]
    return Ability(len(controls), prompts, carriers, able[0] if able else None)


def _share(states: Iterable[str]) -> float | None:
    """Share of the states that are known, of those that could be told."""
    told = [state for state in states if state != UNTOLD]
    return told.count(KNOWN) / len(told) if told else None


def state_of(measured: Measured, able: Ability) -> str:
    """By the measure that decides for this model."""
    if able.decided_by is None:
        return UNTOLD
    return by_prompts(measured) if able.decided_by == "prompts" else by_carriers(measured)


def agree(opinion: Opinion, state: str) -> bool | None:
    """Untrained rows should not be known, and trained ones not verified; of rows that barely moved either."""
    if state == UNTOLD or opinion.verdict in (UNJUDGED, "damaged"):
        return None
    if opinion.untrained:
        return state != KNOWN
    if opinion.grade is not None and opinion.grade != GRADES[-1]:
        return None
    return state != VERIFIED


def tabulate(tokens: Sequence[TokenCheck]) -> tuple[AgreementRow, ...]:
    """Counts of the states by verdict, confidence and grade; untrained verdicts first."""
    counts: dict[tuple[str, str, str | None], Counter[str]] = {}
    for token in tokens:
        counts.setdefault((token.verdict, token.confidence, token.grade), Counter())[token.state] += 1
    ordered = sorted(counts, key=_place, reverse=True)
    return tuple(_row(key, counts[key]) for key in ordered)


def _place(key: tuple[str, str, str | None]) -> tuple[int, int, int]:
    verdict, confidence, grade = key
    kind = VERDICTS.index(verdict) if verdict in VERDICTS else -1
    return kind, -GRADES.index(grade) if grade in GRADES else 1, CONFIDENCES.index(confidence)


def _row(key: tuple[str, str, str | None], states: Mapping[str, int]) -> AgreementRow:
    verdict, confidence, grade = key
    return AgreementRow(
        verdict=verdict,
        confidence=confidence,
        grade=grade,
        tokens=sum(states.values()),
        verified=states.get(VERIFIED, 0),
        weak=states.get(WEAK, 0),
        known=states.get(KNOWN, 0),
        untold=states.get(UNTOLD, 0),
    )
