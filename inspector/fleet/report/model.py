"""The report on a store as frozen data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import rowscope
from rowscope.inspector.audit import FAIL_ON
from rowscope.inspector.checks import SEVERITY_RANK
from rowscope.inspector.errors import unknown_value
from rowscope.inspector.frozen import fields_of, record
from rowscope.inspector.plain import to_plain

SCHEMA_VERSION: Final = "1"

Gate = Literal["pass", "fail", "partial", "failed"]
State = Literal["trained", "untrained", "damaged", "unknown", "absent"]


@dataclass(frozen=True, slots=True)
class CheckpointLine:
    """A checkpoint on the leaderboard; fields as the columns of the store's table `checkpoints`.

    Attributes:
        latest: whether it counts for the gate: the last step of its run, or a checkpoint that is no step.
        gate_severity: the worst severity that the gate counts.
    """

    checkpoint: str
    path: str
    series: str
    model: str
    step: int | None
    status: str
    latest: bool
    rows: int | None
    reserved: int | None
    free_slots: int | None
    untrained_used_rows: int | None
    untrained_tokens_in_use: int | None
    errors: int
    warnings: int
    notes: int
    worst_severity: str | None
    worst_code: str | None
    error_code: str | None
    error_message: str | None
    gate_severity: str | None

    def gate(self, fail_on: str = "error") -> Gate:
        """What `audit` would have ended with: `fail` for findings at or above `fail_on`; else `partial` and
        `failed` say that something, or all of it, could not be audited."""
        if self.status == "failed":
            return "failed"
        if reaches(self.gate_severity, fail_on):
            return "fail"
        return "partial" if self.status == "partial" else "pass"


@record
class Norms:
    """Median L2 norms in one matrix at one step; None where there are no such rows."""

    role: str
    tensor: str
    used: float | None
    reserved: float | None


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a run against the audited step before it.

    Attributes:
        appeared, vanished: findings, as `CODE subject`.
        regressions: sentences on what is worse than at the step before.
        new_severity: the worst severity of a finding that is new, or that now says what has got worse.
    """

    step: int
    path: str
    status: str
    untrained_used_rows: int | None
    norms: tuple[Norms, ...]
    errors: int
    warnings: int
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    regressions: tuple[str, ...] = ()
    new_severity: str | None = None


@dataclass(frozen=True, slots=True)
class TokenHistory:
    """A special token over the steps of a run.

    Attributes:
        states: one a step, in both matrices together: `untrained` or `damaged` where one of them is,
            `unknown` where nothing tells how untrained rows look, `absent` where the step has no such token.
        trained_at: the step from which on it is trained at every step that tells; None while it is not.
        untrained_at: the last step before that at which it was seen untrained; None where none was.
        lost_at: steps at which it was untrained again after it had been trained.
    """

    id: int
    token: str | None
    text: str | None
    roles: tuple[str, ...]
    uses: tuple[str, ...]
    states: tuple[State, ...]
    trained_at: int | None
    untrained_at: int | None
    lost_at: tuple[int, ...]


@record
class FindingHistory:
    """A finding (code and subject) over the steps of a run; `present` has one entry a step."""

    code: str
    name: str
    severity: str
    subject: str
    present: tuple[bool, ...]
    appeared_at: tuple[int, ...]
    vanished_at: tuple[int, ...]


@record
class Run:
    """The steps of one series, in their order."""

    series: str
    model: str
    steps: tuple[StepLine, ...]
    tokens: tuple[TokenHistory, ...]
    findings: tuple[FindingHistory, ...]


@record
class FleetReport:
    """A store, by checkpoint and by step.

    Attributes:
        new_only: whether of a run only that counts which the step before did not have.
    """

    store: str
    checkpoints: tuple[CheckpointLine, ...]
    runs: tuple[Run, ...]
    new_only: bool = False

    def only_new(self) -> FleetReport:
        """The same report with a gate for runs that go on with known faults: of a run with two audited steps
        it counts only findings that the step before did not have."""
        told = {run.series: [step for step in run.steps if step.status != "failed"] for run in self.runs}
        new = {series: steps[-1].new_severity for series, steps in told.items() if len(steps) > 1}
        lines = (
            replace(line, gate_severity=new[line.series])
            if line.step is not None and line.series in new
            else line
            for line in self.checkpoints
        )
        return replace(self, checkpoints=tuple(lines), new_only=True)

    def exit_code(self, fail_on: str = "error", *, allow_partial: bool = False) -> int:
        """As of `audit`: 3 where nothing is in the store, or a checkpoint failed or is partial (unless
        allowed), 1 for a finding at or above `fail_on`, else 0. Of a run its last step counts.

        Raises:
            UsageError: `fail_on` is not known.
        """
        if fail_on not in FAIL_ON:
            raise unknown_value("--fail-on", fail_on, FAIL_ON)
        counted = [line for line in self.checkpoints if line.latest]
        incomplete = {"failed"} if allow_partial else {"failed", "partial"}
        if not counted or any(line.status in incomplete for line in counted):
            return 3
        return int(any(line.gate(fail_on) == "fail" for line in counted))

    def to_dict(self, *, exit_code: int | None = None) -> dict[str, Any]:
        """JSON values: the attributes by name."""
        plain = to_plain(self.document(exit_code=exit_code))
        assert isinstance(plain, dict)
        return plain

    def document(self, *, exit_code: int | None = None) -> dict[str, Any]:
        """What `to_dict` holds, with results where it has JSON values: for `json_pieces`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "rowscope", "version": rowscope.__version__},
            "exit_code": self.exit_code() if exit_code is None else exit_code,
            **fields_of(self),
        }


def reaches(severity: str | None, fail_on: str) -> bool:
    """Whether a severity is at or above a limit."""
    if severity is None or fail_on == "never":
        return False
    return SEVERITY_RANK[severity] >= SEVERITY_RANK[fail_on]
