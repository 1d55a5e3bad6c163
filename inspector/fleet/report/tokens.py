"""Special tokens over the steps of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rowscope.inspector.fleet.report.model import State, TokenHistory
from rowscope.inspector.text import say

Row = Mapping[str, Any]
_SIDES: Final = {"input": ("input", "both"), "output": ("output", "both")}


def token_histories(
    steps: Sequence[Row], tokens: Mapping[str, Sequence[Row]], matrices: Mapping[str, Sequence[Row]]
) -> tuple[TokenHistory, ...]:
    """Every special token of any step, in the order of ids; the latest step names roles and uses."""
    found = [_by_id(tokens.get(row["checkpoint"], ())) for row in steps]
    known = [_told(matrices.get(row["checkpoint"], ())) for row in steps]
    latest = {key: row for at_step in found for key, row in at_step.items()}
    numbers = [row["step"] for row in steps]
    histories = []
    for key in sorted(latest, key=lambda key: (key[0], key[1] or "")):
        states = tuple(_state(at_step.get(key), told) for at_step, told in zip(found, known, strict=True))
        row = latest[key]
        trained_at, untrained_at = _when(numbers, states)
        histories.append(
            TokenHistory(
                id=row["id"],
                token=row["token"],
                text=row["text"],
                roles=tuple(row["roles"] or ()),
                uses=tuple(row["uses"] or ()),
                states=states,
                trained_at=trained_at,
                untrained_at=untrained_at,
                lost_at=tuple(numbers[at] for at in _losses(states)),
            )
        )
    return tuple(histories)


def lost(tokens: Iterable[TokenHistory], at: int) -> Iterator[str]:
    """What is worse with tokens at a step, by its position: untrained after they had been trained, or new,
    in use and untrained."""
    for token in tokens:
        if at in _losses(token.states):
            yield say("token {id:d} ({token!r}) is no longer trained", id=token.id, token=token.token)
        elif at and token.states[at - 1 : at + 1] == ("absent", "untrained") and token.uses:
            yield say("token {id:d} ({token!r}) is new, in use and untrained", id=token.id, token=token.token)


def _by_id(rows: Iterable[Row]) -> dict[tuple[int, str | None], Row]:
    return {(row["id"], row["token"]): row for row in rows}


def _told(matrices: Iterable[Row]) -> set[str]:
    """The roles whose matrix has a reference: only there a row can be told to be trained."""
    return {row["role"] for row in matrices if row["reference_kind"] is not None}


def _state(row: Row | None, told: set[str]) -> State:
    """In both matrices together; a verdict without a reference tells nothing."""
    if row is None:
        return "absent"
    verdicts = {side: row[f"verdict_{side}"] for side in _SIDES if row[f"verdict_{side}"] is not None}
    if "damaged" in verdicts.values():
        return "damaged"
    if any(verdict != "trained" for verdict in verdicts.values()):
        return "untrained"
    certain = bool(verdicts) and all(told.intersection(_SIDES[side]) for side in verdicts)
    return "trained" if certain else "unknown"


def _when(steps: Sequence[int], states: Sequence[State]) -> tuple[int | None, int | None]:
    """The step from which on a token is trained wherever that can be told, and the last untrained one
    before it."""
    telling = [(step, state) for step, state in zip(steps, states, strict=True) if state != "unknown"]
    broken = [at for at, (_, state) in enumerate(telling) if state != "trained"]
    last = broken[-1] if broken else -1
    untrained_at = telling[last][0] if broken and telling[last][1] == "untrained" else None
    return (telling[last + 1][0] if last + 1 < len(telling) else None), untrained_at


def _losses(states: Sequence[State]) -> list[int]:
    """Positions at which an untrained state follows a trained one, whatever cannot be told between them."""
    found, before = [], "unknown"
    for at, state in enumerate(states):
        if state == "untrained" and before == "trained":
            found.append(at)
        before = before if state == "unknown" else state
    return found
