"""A run of a fleet for people: what was audited, what failed and why, where the tables are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import rowscope
from rowscope.inspector.fleet import Failure, Fleet, State, Status
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import bytes_text, plural, table, wrap
from rowscope.inspector.text import visible

_MOST: Final = 20
_STEPS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def fleet_lines(fleet: Fleet, *, exit_code: int, width: int = 80) -> Iterator[Line]:
    """A finished run as styled lines of `width` columns; every name from outside is made visible."""
    shard = "" if fleet.shard is None else f" · shard {fleet.shard}"
    yield Line(
        f"rowscope {rowscope.__version__} · fleet of {plural(fleet.checkpoints, 'checkpoint')}{shard}",
        "title",
    )
    words = (
        f"{fleet.audited:,} audited, {fleet.unchanged:,} unchanged since an earlier run, "
        f"{len(fleet.failures):,} failed; {bytes_text(fleet.bytes)} in {duration(fleet.seconds)} "
        f"({fleet.engine}, {plural(fleet.workers, 'worker')})"
    )
    yield from (Line(line) for line in wrap(words, width, ""))
    found = [
        (name, fleet.findings[name])
        for name in ("error", "warning", "note", "none")
        if name in fleet.findings
    ]
    if found:
        yield Line("")
        yield Line("worst finding", "heading")
        yield from (
            Line(line) for line in table([(name, plural(n, "checkpoint")) for name, n in found], width)
        )
    yield from _told("failed", fleet.failures, "error", width)
    yield from _told("audited in part", fleet.partial, "warning", width)
    yield Line("")
    yield from (Line(line) for line in wrap(_next(fleet), width, ""))
    yield Line(f"exit {exit_code}", "dim")


def _told(heading: str, failures: Sequence[Failure], style: str, width: int) -> Iterator[Line]:
    if not failures:
        return
    yield Line("")
    yield Line(f"{heading}: {len(failures):,}", "heading")
    for failure in failures[:_MOST]:
        where = f"{visible(failure.path)} [{failure.code}] on {visible(failure.host or '?')}"
        words = f"{where}: {visible(failure.message)}"
        yield from (
            Line(line, "error" if style == "error" else "warning") for line in wrap(words, width, "  ")
        )
    if len(failures) > _MOST:
        yield Line(f"  and {len(failures) - _MOST:,} more: status and error_message in checkpoints.parquet")


def _next(fleet: Fleet) -> str:
    where = visible(fleet.out)
    if not fleet.compacted:
        return f"{where}: another run still works in it and will make the tables"
    retry = "; --retry-failed tries those that failed again" if fleet.failures else ""
    return f"tables: {where}/checkpoints.parquet, matrices, findings, special_tokens{retry}"


def progress_text(state: State) -> str:
    """How far a run is, in one line."""
    left = state.remaining
    remaining = "" if left is None or state.ended else f", {duration(left)} left"
    failed = f", {state.failed:,} failed" if state.failed else ""
    unchanged = f", {state.unchanged:,} unchanged" if state.unchanged else ""
    doing = ", writing the tables" if state.phase == "compacting" and not state.ended else ""
    done = f"{state.done:,} of {state.total:,} done{unchanged}{failed}"
    return f"{done}, {bytes_text(state.bytes)}{remaining}{doing}"


def status_lines(status: Status, *, width: int = 80) -> Iterator[Line]:
    """A store at one moment as styled lines."""
    yield from (Line(line, "title") for line in wrap(f"store {visible(status.out)}", width, ""))
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(status.checkpoints.items()))
    yield Line(f"results: {counts or 'none yet'}")
    yield Line("")
    yield Line("running" if status.running else "no run is under way", "heading")
    for state in status.running:
        yield from _run(state, width)
        for path in state.now:
            yield from (Line(line, "dim") for line in wrap(visible(path), width, "    "))
    if status.ended and not status.running:
        last = status.ended[-1]
        yield Line(f"last run: {last.ended or 'was killed'}")
        yield from _run(last, width)


def _run(state: State, width: int) -> Iterator[Line]:
    shard = "" if state.shard is None else f", shard {state.shard}"
    how = f"{state.engine}, {plural(state.workers, 'worker')}{shard}"
    who = f"{visible(state.host)}, process {state.pid} ({how})"
    yield from (Line(line) for line in wrap(f"{who}: {progress_text(state)}", width, "  "))


def duration(seconds: float) -> str:
    """`12 s`, `3 min`, `2.5 h`, `4 d`."""
    for size, unit in _STEPS:
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
