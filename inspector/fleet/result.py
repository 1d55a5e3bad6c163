"""What a run of a fleet gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

import rowscope
from rowscope.inspector.audit import FAIL_ON
from rowscope.inspector.errors import unknown_value
from rowscope.inspector.frozen import record
from rowscope.inspector.plain import to_plain

if TYPE_CHECKING:
    import pyarrow


@record
class Failure:
    """A checkpoint that could not be audited, or only in part (code `PARTIAL`).

    Attributes:
        path: which.
        code, message: what is wrong and what to do.
        host: the machine that tried.
    """

    path: str
    code: str
    message: str
    host: str | None


@record
class Fleet:
    """A run over many checkpoints.

    Attributes:
        out: the store.
        checkpoints: how many the run was given, of its shard.
        audited: of these, how many were audited by this run, failures not counted.
        unchanged: how many had a result that still holds, failures of earlier runs among them.
        failures: all that could not be audited, by this run or an earlier one, by path.
        partial: those that could be audited only in part.
        findings: checkpoints by the severity of their worst finding: `error`, `warning`, `note`, `none`.
        bytes: of weights files that this run audited.
        seconds: that it took.
        engine, workers, shard: how it ran.
        compacted: whether the tables hold all of this; not while another run still works in the store.
    """

    out: str
    checkpoints: int
    audited: int
    unchanged: int
    failures: tuple[Failure, ...]
    partial: tuple[Failure, ...]
    findings: Mapping[str, int]
    bytes: int
    engine: str
    workers: int
    shard: str | None
    compacted: bool
    seconds: float = field(compare=False)

    def table(self, name: str) -> pyarrow.Table:
        """A table of the store, `checkpoints`, `matrices`, `findings` or `special_tokens`, as Arrow; it holds
        what other runs put there as well.

        Raises:
            CheckpointError: it cannot be read.
        """
        from rowscope.inspector.fleet.reading import read_table

        return read_table(self.out, name)

    def exit_code(self, fail_on: str = "error", *, allow_partial: bool = False) -> int:
        """As of one audit: 3 where a checkpoint failed (or only a part of it could be audited, unless that is
        allowed), else 1 where one has a finding at or above `fail_on`, else 0.

        Raises:
            UsageError: `fail_on` is not one of `FAIL_ON`.
        """
        if fail_on not in FAIL_ON:
            raise unknown_value("--fail-on", fail_on, FAIL_ON)
        if self.failures or (self.partial and not allow_partial):
            return 3
        grave = FAIL_ON[: FAIL_ON.index(fail_on) + 1] if fail_on != "never" else ()
        return int(any(self.findings.get(severity, 0) for severity in grave))

    def to_dict(self, *, exit_code: int | None = None) -> dict[str, Any]:
        """The JSON of `fleet --format json`."""
        body = {
            "schema_version": "1",
            "tool": {"name": "rowscope", "version": rowscope.__version__},
            "exit_code": self.exit_code() if exit_code is None else exit_code,
            "out": self.out,
            "checkpoints": self.checkpoints,
            "audited": self.audited,
            "unchanged": self.unchanged,
            "failed": len(self.failures),
            "failures": self.failures,
            "partial": self.partial,
            "worst_findings": self.findings,
            "bytes": self.bytes,
            "engine": self.engine,
            "workers": self.workers,
            "shard": self.shard,
            "compacted": self.compacted,
            "timings": {"total": self.seconds},
        }
        plain = to_plain(body)
        assert isinstance(plain, dict)
        return plain
