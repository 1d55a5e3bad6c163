"""What the verify probe finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rowscope.inspector.frozen import record
from rowscope.inspector.model.results import ProbeResult

STATES = ("verified", "weak", "known", "untold")
"""What behaviour says: verified untrained, weakly so, known to the model, or not to be told."""


@record
class Thresholds:
    """Where the states part.

    Attributes:
        verified: largest probability over the prompts below which a token is verified untrained.
        known: from which on it is known; between the two it is weakly verified.
        carrier: best standing over the carriers, 0 to 1, from which on a token is known by them.
        able: share of the control tokens that must be known, for a measure to decide.
    """

    verified: float
    known: float
    carrier: float
    able: float


@record
class Asked:
    """A prompt or carrier; `text` has {} where the token stands, the last one where it is predicted."""

    name: str
    kind: str
    text: str


@record
class Measured:
    """What the model gave for one token; every mapping is by the name of a prompt or carrier.

    Attributes:
        p: probability of the token where it must come, by prompt.
        first, second: the same in a carrier, before the token was seen and after.
        standing: share, 0 to 1, of other untrained tokens' contexts in which this token is less likely than
            in its own, ties counting half: 1 where the model took it up, about one half where it cannot tell
            it from those. Empty where there are too few such tokens.
    """

    p: Mapping[str, float]
    first: Mapping[str, float]
    second: Mapping[str, float]
    standing: Mapping[str, float]


@record
class TokenCheck:
    """One token: what its rows say and what the model does with it.

    Attributes:
        why: "given", "untrained" (the weights say so), "special" (an added token), "control" (a sample of
            trained ones), "doubtful" (a sample of those called trained that moved less than clearly).
        matrix: whose row decides: the one that looks untrained, else the less sure one.
        verdict, confidence, grade, displacement: of that row; see the evidence of `rows`.
        measured: see `Measured`.
        largest: largest probability over the prompts.
        more_likely: the token is more likely after it was seen than before, in every carrier.
        state: one of `STATES`.
        agrees: whether weights and behaviour say the same; None where one of them cannot tell.
    """

    id: int
    token: str | None
    text: str | None
    group: str
    why: str
    matrix: str
    verdict: str
    confidence: str
    grade: str | None
    displacement: float
    measured: Measured
    largest: float
    more_likely: bool
    state: str
    agrees: bool | None


@record
class AgreementRow:
    """How many tokens of one verdict, confidence and grade are in which state."""

    verdict: str
    confidence: str
    grade: str | None
    tokens: int
    verified: int
    weak: int
    known: int
    untold: int


@record
class Ability:
    """Whether the model can be asked at all: shares of the control tokens that are known, 0 to 1.

    Attributes:
        controls: how many there are.
        prompts, carriers: share known by each measure; None where it could not be taken.
        decided_by: "prompts", "carriers", or None where the model does neither: then no state can be told.
    """

    controls: int
    prompts: float | None
    carriers: float | None
    decided_by: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class VerifyResult(ProbeResult):
    """Result of `verify`: `tokens` by id; `disagreements` are the ids of those that do not agree."""

    probe: ClassVar[str] = "verify"

    thresholds: Thresholds
    asked: tuple[Asked, ...]
    contexts: int
    ability: Ability
    agreement: tuple[AgreementRow, ...]
    disagreements: tuple[int, ...]
    tokens: tuple[TokenCheck, ...]

    def find(self, id: int) -> TokenCheck | None:
        """The token of an id."""
        return next((token for token in self.tokens if token.id == id), None)
