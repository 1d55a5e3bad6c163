"""Section 4, second part: the model is asked about a sample of rows."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.model import TokenCheck, VerifyResult
from rowscope.inspector.study.document import Document, code
from rowscope.inspector.study.material import Material
from rowscope.inspector.study.rules import Asked, asked
from rowscope.inspector.text import count, real
from rowscope.inspector.vocabulary import shown_token

_LISTED: Final = 12


def verify_section(doc: Document, material: Material) -> None:
    """Agreement between weights and behaviour as a table, and where they disagree."""
    result = material.verify
    if result is None:
        return
    doc.subheading("verify.heading")
    if isinstance(result, str):
        doc.unmeasured(result)
        return
    found = asked(result)
    doc.paragraph(
        "verify.asked",
        count=count(sum(token.why == "given" for token in result.tokens)),
        controls=count(found.controls),
        verified=f"{result.thresholds.verified:g}",
        known=f"{result.thresholds.known:g}",
    )
    decided = result.ability.decided_by
    doc.paragraph(
        "verify.untold" if decided is None else f"verify.by_{decided}",
        prompts=_share(result.ability.prompts),
        carriers=_share(result.ability.carriers),
    )
    if decided is None:
        return
    doc.table(
        doc.texts.cells("head.verify"),
        [_cells(doc, result, at) for at in range(len(result.agreement))],
        words=3,
    )
    if found.word is not None:
        doc.say(f"verify.{found.word}", **asked_values(found))
    _disagreements(doc, result)
    doc.stop()


def asked_values(found: Asked) -> dict[str, object]:
    """The figures of the sentences on what the model was asked."""
    names = ("rows", "verified", "known", "controls", "control_verified")
    return {name: count(getattr(found, name)) for name in names}


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f}%"


def _cells(doc: Document, result: VerifyResult, at: int) -> list[str]:
    row = result.agreement[at]
    return [
        doc.texts.maybe(f"verdict.{row.verdict}") or row.verdict,
        doc.texts.say(f"confidence.{row.confidence}"),
        "-" if row.grade is None else doc.texts.say(f"grade.{row.grade}"),
        *(count(number) for number in (row.tokens, row.verified, row.weak, row.known)),
    ]


def _disagreements(doc: Document, result: VerifyResult) -> None:
    tokens = [token for token in result.tokens if token.agrees is False]
    if not tokens:
        doc.say("verify.agree")
        return
    decided = result.ability.decided_by
    doc.say(
        "verify.disagree",
        count=count(len(tokens)),
        tokens=doc.texts.listed((_token(doc, token, decided) for token in tokens), _LISTED),
    )


def _token(doc: Document, token: TokenCheck, decided: str | None) -> str:
    """A token with the number that its state rests on."""
    standing = max(token.measured.standing.values(), default=float("nan"))
    return doc.texts.say(
        f"verify.token_{decided}",
        id=token.id,
        name="" if token.token is None else f" {code(shown_token(token.token, token.text))}",
        verdict=doc.texts.say(f"verdict.{token.verdict}"),
        state=doc.texts.say(f"state.{token.state}"),
        p=real(token.largest),
        standing=f"{100 * standing:.0f}",
    )
