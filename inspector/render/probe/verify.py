"""What the verify probe found, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.model import TokenCheck, VerifyResult
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import columns, plural, shorten
from rowscope.inspector.render.probe.parts import Cells, heading, say, table
from rowscope.inspector.text import count, real
from rowscope.inspector.vocabulary import shown_token

_LISTED: Final = 40
_TOKEN_WIDTH: Final = 24


def verify_lines(result: VerifyResult, width: int) -> Iterator[Line]:
    """Whether the model can be asked, the table of agreement, and the tokens where it is broken."""
    yield heading("can this model be asked?")
    yield from say(_ability(result), width)
    yield Line("")
    yield heading("what the weights say (rows) and what the model does (columns)")
    yield from _agreement(result, width)
    yield Line("")
    yield from _disagreements(result, width)


def _ability(result: VerifyResult) -> str:
    able, limits = result.ability, result.thresholds
    shares = ", ".join(
        f"{'not measured' if share is None else f'{100 * share:.1f} %'} by the {name}"
        for name, share in (("prompts", able.prompts), ("carriers", able.carriers))
    )
    known = f"Of {count(able.controls)} trained control tokens it knows {shares}"
    if able.decided_by is None:
        return (
            f"{known}: it cannot tell. A measure decides where at least {100 * limits.able:g} % of the "
            "controls are known by it (--controls); the numbers of each token are in --format json."
        )
    rule = {
        "prompts": f"a token is verified untrained where its largest probability in the three prompts is "
        f"below {limits.verified:g}, known from {limits.known:g} on, weak between",
        "carriers": f"a token is known where it is more likely behind itself than behind "
        f"{100 * limits.carrier:g} % of {result.contexts} untrained tokens, else verified untrained",
    }[able.decided_by]
    return f"{known}: the {able.decided_by} decide: {rule}."


def _agreement(result: VerifyResult, width: int) -> Iterator[Line]:
    untold = any(row.untold for row in result.agreement)
    names: Cells = ("verdict", "confidence", "moved", "tokens", "verified", "weak", "known", "share verified")
    rows: list[Cells] = [(*names, "untold") if untold else names]
    for row in result.agreement:
        share = f"{100 * row.verified / row.tokens:.1f} %"
        numbers = map(count, (row.tokens, row.verified, row.weak, row.known))
        cells = (row.verdict, row.confidence, row.grade or "-", *numbers, share)
        rows.append((*cells, count(row.untold)) if untold else cells)
    yield from table(rows, width, left=3)


def _disagreements(result: VerifyResult, width: int) -> Iterator[Line]:
    found = [token for token in result.tokens if token.agrees is False]
    if not found:
        told = result.ability.decided_by is not None
        yield Line("no disagreement" if told else "no agreement to speak of", "good" if told else "dim")
        return
    yield heading(f"{plural(len(found), 'token')} where they disagree")
    rows: list[Cells] = [
        ("id", "token", "group", "verdict", "confidence", "t", "largest p", "standing", "model")
    ]
    rows += [_cells(token) for token in found[:_LISTED]]
    for number, line in enumerate(columns(rows, width, (0, 5, 6, 7))):
        yield Line(line, "dim" if number == 0 else "")
    if len(found) > _LISTED:
        yield Line(f"{plural(len(found) - _LISTED, 'token')} more: --format json lists all", "dim")


def _cells(token: TokenCheck) -> tuple[str, ...]:
    standing = list(token.measured.standing.values())
    return (
        str(token.id),
        shorten(shown_token(token.token, token.text), _TOKEN_WIDTH),
        token.group,
        token.verdict,
        token.confidence,
        real(token.displacement),
        real(token.largest),
        f"{max(standing):.2f}" if standing else "-",
        token.state,
    )
