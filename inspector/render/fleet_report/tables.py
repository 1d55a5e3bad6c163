"""The tables of a store's report as cells, the same for every format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rowscope.inspector.fleet import CheckpointLine, FindingHistory, FleetReport, Run, StepLine, TokenHistory
from rowscope.inspector.render.audit.brief import LEVEL_WORDS
from rowscope.inspector.render.spoken import Cells
from rowscope.inspector.text import joined, real, say, template, visible
from rowscope.inspector.vocabulary import shown_token

MODEL_HEAD: Final = (
    "gate", "model", "step", "worst", "untrained", "in use", "free", "reserved", "rows",
)  # fmt: skip
MODEL_NUMBERS: Final = {2, 4, 5, 6, 7, 8}
STEP_NUMBERS: Final = {0, 1, 2, 3}
TOKEN_HEAD: Final = ("id", "token", "roles", "trained", "by step")
FINDING_HEAD: Final = ("code", "severity", "about", "appeared", "vanished", "by step")

MARKS: Final = {"trained": "●", "untrained": "○", "damaged": "×", "unknown": "?", "absent": "·"}
LEGEND: Final = say("● trained  ○ untrained  × damaged  ? cannot be told  · not there")
_STANDING: Final = {
    "pass": template("{count:# passes|# pass}"),
    "fail": template("{count:# does not pass|# do not pass}"),
    "partial": template("{count} partly audited"),
    "failed": template("{count} not audited"),
}
HELD: Final = {True: "■", False: "·"}


def standing(report: FleetReport, fail_on: str) -> str:
    """How many checkpoints pass the gate: `6 checkpoints: 4 pass, 1 does not pass, 1 not audited`."""
    counted = [line for line in report.checkpoints if line.latest]
    gates = Counter[str](line.gate(fail_on) for line in counted)
    parts = [say(words, count=gates[gate]) for gate, words in _STANDING.items() if gates[gate]]
    empty = say("nothing was audited into this store yet: rowscope fleet PATH --out DIR does")
    said = say(
        "{count:# checkpoint|# checkpoints}: {parts}",
        count=len(counted),
        parts=joined(", ", parts) if parts else empty,
    )
    if len(report.checkpoints) == len(counted):
        return said
    runs = len(report.runs)
    if report.new_only:
        return say(
            "{standing}; of {runs:# run|# runs} the last step counts, and of it only what the step before "
            "did not have",
            standing=said,
            runs=runs,
        )
    return say("{standing}; of {runs:# run|# runs} the last step counts", standing=said, runs=runs)


def model_cells(line: CheckpointLine, fail_on: str) -> Cells:
    """A line of the leaderboard."""
    worst = line.error_code if line.status == "failed" else line.worst_code
    return (
        line.gate(fail_on),
        visible(line.model),
        number(line.step),
        _worst(_level(line.worst_severity), worst),
        number(line.untrained_used_rows, unknown="?" if line.status != "failed" else ""),
        number(line.untrained_tokens_in_use),
        number(line.free_slots),
        number(line.reserved),
        number(line.rows),
    )


def step_head(run: Run) -> Cells:
    """The heading of a run's steps: two norms for each matrix."""
    roles = _roles(run)
    one = len(roles) == 1
    norms = [f"{group} norm{'' if one else ' ' + role}" for role in roles for group in ("used", "reserved")]
    return ("step", "untrained", "errors", "warnings", *norms, "changes")


def step_cells(line: StepLine, roles: Sequence[str]) -> Cells:
    """A step: counts, norms, and what came and went."""
    if line.status == "failed":
        return (str(line.step), *[""] * (3 + 2 * len(roles)), say("could not be audited"))
    norms = {norm.role: norm for norm in line.norms}
    shown = [norms.get(role) for role in roles]
    values = [
        "" if value is None else real(value)
        for norm in shown
        for value in ((None, None) if norm is None else (norm.used, norm.reserved))
    ]
    untrained = number(line.untrained_used_rows, unknown="?")
    return (str(line.step), untrained, number(line.errors), number(line.warnings), *values, _changes(line))


def roles_of(run: Run) -> tuple[str, ...]:
    """The matrices that a run's steps have."""
    return _roles(run)


def _roles(run: Run) -> tuple[str, ...]:
    return tuple(dict.fromkeys(norm.role for step in run.steps for norm in step.norms))


def _changes(line: StepLine) -> str:
    signs = [*(f"+{code(name)}" for name in line.appeared), *(f"-{code(name)}" for name in line.vanished)]
    shown = " ".join(dict.fromkeys(signs))
    return say("WORSE {changes}", changes=shown) if line.regressions else shown


def _worst(level: str, code: str | None) -> str:
    return say("{level} {code}", level=level, code=code) if level and code else level or code or ""


def _level(severity: str | None) -> str:
    return LEVEL_WORDS.get(severity or "", severity or "")


def code(name: str) -> str:
    """The code of a finding's name."""
    return name.partition(" ")[0]


def token_cells(token: TokenHistory) -> Cells:
    """A special token over the steps."""
    return (
        str(token.id),
        shown_token(token.token, token.text),
        ", ".join(token.roles),
        when_trained(token),
        "".join(MARKS[state] for state in token.states),
    )


def when_trained(token: TokenHistory) -> str:
    """`from step 40 on, untrained at 20`."""
    if token.trained_at is None:
        told = [state for state in token.states if state != "unknown"]
        if not told:
            return say("cannot be told")
        if token.lost_at:
            return say("lost")
        return say("gone") if told[-1] == "absent" else say("never")
    since = say("from step {step} on", step=token.trained_at)
    if token.untrained_at is not None:
        since = say("{since}, untrained at {step}", since=since, step=token.untrained_at)
    return say("{since}, again", since=since) if token.lost_at else since


def finding_cells(finding: FindingHistory) -> Cells:
    """A finding over the steps."""
    return (
        finding.code,
        _level(finding.severity),
        visible(finding.subject) or finding.name,
        ", ".join(f"{step:,}" for step in finding.appeared_at),
        ", ".join(f"{step:,}" for step in finding.vanished_at),
        "".join(HELD[held] for held in finding.present),
    )


def number(value: int | None, unknown: str = "") -> str:
    """With separators; what is not known as `unknown`."""
    return unknown if value is None else f"{value:,}"
