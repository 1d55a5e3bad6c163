"""Everything that the study measures: the audit, the rows it is about, and the probes or why not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from rowscope.inspector.arrays import union
from rowscope.inspector.audit import MatrixReport, Report, audit
from rowscope.inspector.census import BASE, GROUP_MEMBERS, GROUPS, PLACEHOLDER
from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
from rowscope.inspector.errors import MissingExtraError, RefusedError, UndecodableError
from rowscope.inspector.evidence import VERDICTS, measure_matrix
from rowscope.inspector.frozen import record
from rowscope.inspector.model import (
    ForwardResult,
    GradientResult,
    LeakResult,
    Loaded,
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

_CONTROLS: Final = 20  # fewer show nothing
_ONE_ROW: Final = ("token-only", "token-only-decay")


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
    probes["verify"] = missing if ask else None
    if loaded is not None:
        probes = _probe(loaded, steps, ask, progress)
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


def _probe(loaded: Loaded, steps: int, ask: int, progress: Progress) -> dict[str, Any]:
    return {
        "forward": _try(lambda: forward(loaded, seed=loaded.seed, progress=progress)),
        "gradient": _try(lambda: gradient(loaded, seed=loaded.seed, progress=progress)),
        "leak": _try(lambda: leak(loaded, seed=loaded.seed, progress=progress)),
        "train": _train(loaded, steps, progress),
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


def _train(loaded: Loaded, steps: int, progress: Progress) -> TrainResult | str:
    """All variants, or where they do not fit into memory, those that train one row."""
    try:
        return train(loaded, seed=loaded.seed, steps=steps, progress=progress)
    except RefusedError as error:
        if error.code != "NO_MEMORY":
            return error.message
    return _try(lambda: train(loaded, seed=loaded.seed, steps=steps, variants=_ONE_ROW, progress=progress))


def _try(probe: Callable[[], Result]) -> Result | str:
    try:
        return probe()
    except RefusedError as error:
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
