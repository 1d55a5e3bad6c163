"""Everything that the study measures: the audit, the rows it is about, and the probes or why not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import numpy as np

from rowscope.inspector.arrays import union
from rowscope.inspector.audit import MatrixReport, Report, audit
from rowscope.inspector.census import BASE, GROUP_MEMBERS, GROUPS, PLACEHOLDER
from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
from rowscope.inspector.errors import MissingExtraError, RefusedError, UndecodableError, UsageError
from rowscope.inspector.evidence import VERDICTS, measure_matrix
from rowscope.inspector.frozen import record
from rowscope.inspector.model import (
    ForwardResult,
    GradientResult,
    InitialRow,
    LeakResult,
    Loaded,
    Policy,
    PolicyResult,
    Started,
    Subject,
    TrainResult,
    VerifyResult,
    find_subject,
    forward,
    gradient,
    leak,
    load,
    train,
    verify,
)
from rowscope.inspector.rows import GroupStats, group_statistics, open_rows, scan_rows
from rowscope.inspector.study.texts import NOT_ASKED

if TYPE_CHECKING:
    from rowscope.inspector.model import Progress

WithModel = bool | str
Result = TypeVar("Result")

ASKED: Final = 40
"""Rows that the model is asked about, and as many controls, where nothing else is wanted."""
RL_STEPS: Final = 4
"""Policy-gradient steps, where nothing else is wanted."""


_CONTROLS: Final = 20  # fewer show nothing
_ONE_ROW: Final = ("token-only", "token-only-decay")
_STARTED: Final = ("token-only",)


@record
class LeftOut:
    """Initial values that could not be had, and why not."""

    values: str
    why: str


Starts: TypeAlias = Callable[[Loaded], Sequence[InitialRow | LeftOut]] | None
"""What makes the initial rows to compare from the loaded model; None for not wanted."""


@record
class RowGroup:
    """The rows that the study is about, in one matrix."""

    stats: GroupStats
    verdicts: Mapping[str, int]

    @property
    def state(self) -> str:
        """The verdict of at least nine rows in ten, else "mixed"."""
        name = max(self.verdicts, key=lambda verdict: self.verdicts[verdict])
        return name if self.verdicts[name] >= 0.9 * self.stats.rows else "mixed"


@dataclass(frozen=True)
class Material:
    """What was measured. A probe that could not be run stands as the reason, or as `NOT_ASKED`.

    Attributes:
        subject: None where there is nothing to study.
        groups: the studied rows by the matrix's role.
        missing: why there is no model at all; None where one was loaded.
        verify: None where the model was not to be asked.
        policy: None where no policy-gradient steps were to be taken.
        starts: the lesson from several initial rows; None where none were to be compared.
        left_out: initial values that could not be had.
    """

    checkpoint: Checkpoint
    report: Report
    subject: Subject | None
    groups: Mapping[str, RowGroup]
    missing: str | None
    loaded: Loaded | None
    forward: ForwardResult | str
    gradient: GradientResult | str
    leak: LeakResult | str
    train: TrainResult | str
    verify: VerifyResult | str | None = None
    policy: PolicyResult | str | None = None
    starts: tuple[Started, ...] | str | None = None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def kind(self) -> str:
        return "reserved" if self.subject is None else self.subject.kind

    def matrix(self, role: str) -> MatrixReport | None:
        """The report of the matrix that plays a role."""
        return next((m for m in self.report.matrices if m.role in (role, "both")), None)

    def group(self, role: str) -> RowGroup | None:
        return self.groups.get(role) or self.groups.get("both")


def gather(
    path: Checkpoint | str | os.PathLike[str],
    *,
    with_model: WithModel,
    options: Mapping[str, Any],
    steps: int,
    progress: Progress,
    ask: int = ASKED,
    rl_steps: int = 0,
    starts: Starts = None,
) -> Material:
    """Measure everything; see `study` for the arguments and errors."""
    checkpoint = path if isinstance(path, Checkpoint) else open_checkpoint(path)
    report = audit(checkpoint)
    _require_rows(checkpoint, report)
    subject = _subject(checkpoint)
    groups = {} if subject is None else _groups(checkpoint, report, subject)
    loaded, missing = None, NOT_ASKED
    if with_model and subject is not None:
        loaded, missing = _load(checkpoint, with_model, options)
    probes: dict[str, Any] = dict.fromkeys(("forward", "gradient", "leak", "train"), missing)
    wanted = {"verify": ask, "policy": rl_steps, "starts": starts is not None}
    probes |= {name: missing if value else None for name, value in wanted.items()}
    if loaded is not None:
        probes = {
            **_probe(loaded, ask, progress),
            **_leak(loaded, rl_steps, progress),
            **_train(loaded, steps, starts, progress),
        }
    return Material(
        checkpoint=checkpoint,
        report=report,
        subject=subject,
        groups=groups,
        missing=None if loaded is not None else missing,
        loaded=loaded,
        **probes,
    )


def _require_rows(checkpoint: Checkpoint, report: Report) -> None:
    """A study of rows that nobody could read would draw conclusions from empty tables."""
    read = {matrix.tensor for matrix in report.matrices}
    whys = {skip.what: skip.why for skip in report.coverage.skipped}
    for matrix in checkpoint.matrices:
        if matrix.tensor not in read:
            raise UndecodableError(
                f"no study of {checkpoint.path!r}: the rows of {matrix.tensor!r} were not read: "
                f"{whys.get(matrix.tensor, 'the audit left them out')}",
                location=matrix.tensor,
            )


def _subject(checkpoint: Checkpoint) -> Subject | None:
    try:
        return find_subject(checkpoint)
    except RefusedError:  # nothing to probe
        return None


def _load(
    checkpoint: Checkpoint, with_model: WithModel, options: Mapping[str, Any]
) -> tuple[Loaded | None, str]:
    try:
        return load(checkpoint, probe="forward", **options), ""
    except (MissingExtraError, RefusedError) as error:
        if with_model is True:
            raise
        return None, error.message


def _probe(loaded: Loaded, ask: int, progress: Progress) -> dict[str, Any]:
    return {
        "forward": _try(lambda: forward(loaded, seed=loaded.seed, progress=progress)),
        "gradient": _try(lambda: gradient(loaded, seed=loaded.seed, progress=progress)),
        "verify": _try(lambda: _verify(loaded, ask, progress)) if ask else None,
    }


def _verify(loaded: Loaded, count: int, progress: Progress) -> VerifyResult:
    """About a sample, by the seed, of the rows that are studied or look untrained."""
    pool = union(loaded.subject.ids, loaded.subject.untrained)
    pool = pool[pool < min(loaded.input_rows, loaded.output_rows or loaded.input_rows)]
    if pool.size > count:
        pool = np.sort(np.random.default_rng(loaded.seed).choice(pool, count, replace=False))
    controls = max(count, _CONTROLS)
    return verify(loaded, ids=pool.tolist(), controls=controls, seed=loaded.seed, progress=progress)


def _leak(loaded: Loaded, steps: int, progress: Progress) -> dict[str, Any]:
    """The leak probe, with the steps where they can be taken."""
    why = None
    if steps:
        try:
            found = leak(loaded, policy=Policy(steps=steps), seed=loaded.seed, progress=progress)
            return {"leak": found, "policy": found.policy}
        except RefusedError as error:
            why = error.message
    return {"leak": _try(lambda: leak(loaded, seed=loaded.seed, progress=progress)), "policy": why}


def _train(loaded: Loaded, steps: int, starts: Starts, progress: Progress) -> dict[str, Any]:
    """All variants, or where they do not fit into memory, those that train one row; then the initial rows."""
    made: Sequence[InitialRow | LeftOut] | str = () if starts is None else _try(lambda: starts(loaded))
    rows = [] if isinstance(made, str) else [row for row in made if isinstance(row, InitialRow)]
    left = () if isinstance(made, str) else tuple(row for row in made if isinstance(row, LeftOut))
    options: dict[str, Any] = {"seed": loaded.seed, "steps": steps, "progress": progress}
    options |= {"values": rows, "value_variants": _STARTED}
    try:
        found: TrainResult | str = train(loaded, **options)
    except RefusedError as error:
        found = error.message
        if error.code == "NO_MEMORY":
            found = _try(lambda: train(loaded, variants=_ONE_ROW, **options))
    told = made if isinstance(made, str) else found if isinstance(found, str) else found.values
    return {"train": found, "starts": None if starts is None else told, "left_out": left}


def _try(probe: Callable[[], Result]) -> Result | str:
    try:
        return probe()
    except (RefusedError, UsageError) as error:
        return error.message


def _groups(checkpoint: Checkpoint, report: Report, subject: Subject) -> dict[str, RowGroup]:
    if subject.kind == "reserved":
        return {
            matrix.role: RowGroup(matrix.groups["reserved"].stats, matrix.groups["reserved"].verdicts)
            for matrix in report.matrices
            if "reserved" in matrix.groups
        }
    return {matrix.role: _untrained(checkpoint, matrix, subject) for matrix in report.matrices}


def _untrained(checkpoint: Checkpoint, matrix: MatrixReport, subject: Subject) -> RowGroup:
    """Statistics and verdicts of the untrained used rows, which are no group of the audit."""
    found = next(m for m in checkpoint.matrices if m.tensor == matrix.tensor)
    facts = measure_matrix(found, checkpoint, subject.vocabulary, subject.census.codes)
    ids = subject.ids[subject.ids < found.rows]
    codes = np.full(found.rows, BASE, dtype=np.int8)
    codes[ids] = PLACEHOLDER
    with open_rows(found) as reader:
        table, columns = scan_rows(reader, groups=codes, n_groups=len(GROUPS))
    assert columns is not None
    counts = np.bincount(facts.evidence.verdict[ids], minlength=len(VERDICTS)).tolist()
    stats = group_statistics(table, codes, columns, GROUP_MEMBERS)["placeholder"]
    return RowGroup(stats, dict(zip(VERDICTS, counts, strict=True)))
