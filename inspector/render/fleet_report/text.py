"""A store's report for people, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.fleet import CheckpointLine, FleetReport, Run
from rowscope.inspector.render.fleet_report.tables import (
    FINDING_HEAD,
    MODEL_HEAD,
    MODEL_NUMBERS,
    STEP_NUMBERS,
    TOKEN_HEAD,
    Cells,
    finding_cells,
    model_cells,
    roles_of,
    standing,
    step_cells,
    step_head,
    token_cells,
)
from rowscope.inspector.render.lines import Line, Style
from rowscope.inspector.render.plain import columns, plural, shorten, wrap
from rowscope.inspector.text import visible

_GATE: Final[dict[str, Style]] = {"pass": "good", "fail": "error", "failed": "error", "partial": "warning"}
_NAME: Final = 40
_BLOCKS: Final = "▁▂▃▄▅▆▇█"


def report_lines(report: FleetReport, *, fail_on: str, exit_code: int, by: str, width: int) -> Iterator[Line]:
    """The leaderboard and the runs, whichever `by` (`model`, `step`, `all`) asks for."""
    yield Line(f"rowscope fleet  {visible(report.store)}", "title")
    yield Line(standing(report, fail_on), "good" if not exit_code else "error")
    if by != "step":
        yield from _leaderboard(report, fail_on, width)
    if by != "model":
        for run in report.runs:
            yield from _run(run, width)
        if by == "step" and not report.runs:
            yield from _dim(
                "no steps of a run are in this store: they lie in folders as checkpoint-500", width
            )
    yield Line(f"exit {exit_code}", "dim")


def _leaderboard(report: FleetReport, fail_on: str, width: int) -> Iterator[Line]:
    lines = [line for line in report.checkpoints if line.latest]
    if not lines:
        return
    yield Line("")
    yield Line("Checkpoints", "heading")
    cells = [model_cells(line, fail_on) for line in lines]
    shown = [MODEL_HEAD, *(_narrow(row, width) for row in cells)]
    head, *body = columns(shown, width, MODEL_NUMBERS)
    yield Line(head, "dim")
    for row, line in zip(body, lines, strict=True):
        yield Line(row, _GATE[line.gate(fail_on)])
    words = "untrained: used rows; in use: untrained special tokens; free: slots for new tokens"
    yield from _dim(words, width)
    for line in lines:
        yield from _failure(line, width)


def _failure(line: CheckpointLine, width: int) -> Iterator[Line]:
    if line.status == "failed":
        said = f"{visible(line.path)}: {line.error_code}: {visible(line.error_message or '')}"
        yield from (Line(part, "error") for part in wrap(said, width, "  "))


def _run(run: Run, width: int) -> Iterator[Line]:
    yield Line("")
    first, last = run.steps[0].step, run.steps[-1].step
    steps = f"{plural(len(run.steps), 'step')}, {first:,} to {last:,}"
    yield Line(f"Run {visible(run.model)}: {steps}", "heading")
    for step in run.steps:
        for said in step.regressions:
            yield from (
                Line(part, "warning") for part in wrap(f"! step {step.step:,}: {visible(said)}", width, "  ")
            )
    rows = [step_cells(step, roles_of(run)) for step in run.steps]
    yield from _table([step_head(run), *rows], width, {*STEP_NUMBERS, *range(4, 4 + 2 * len(roles_of(run)))})
    drawn = spark([step.untrained_used_rows for step in run.steps])
    if drawn:
        yield Line(f"  untrained used rows by step  {drawn}", "dim")
    if run.tokens:
        yield Line("")
        rows = [_narrow(token_cells(token), width) for token in run.tokens]
        yield from _table([TOKEN_HEAD, *rows], width, {0})
        yield from _dim("● trained  ○ untrained  × damaged  ? cannot be told  · not there", width)
    if run.findings:
        yield Line("")
        yield from _table([FINDING_HEAD, *map(finding_cells, run.findings)], width, ())


def _narrow(cells: Cells, width: int) -> Cells:
    """The name, the second cell, within a third of the line."""
    return (cells[0], shorten(cells[1], max(min(_NAME, width // 3), 12)), *cells[2:])


def _table(rows: list[Cells], width: int, numbers: set[int] | tuple[()]) -> Iterator[Line]:
    head, *body = columns(rows, width, numbers)
    yield Line(head, "dim")
    yield from map(Line, body)


def _dim(words: str, width: int) -> Iterator[Line]:
    yield from (Line(part, "dim") for part in wrap(words, width, "  "))


def spark(values: list[int | None]) -> str:
    """A bar a value, from 0 to the largest; `?` for what is not known, nothing where nothing is."""
    known = [value for value in values if value is not None]
    most = max(known, default=0)
    if not most:
        return ""
    high = len(_BLOCKS) - 1
    return "".join("?" if value is None else _BLOCKS[round(value / most * high)] for value in values)
