"""A store's report for people, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.fleet import CheckpointLine, FleetReport, Run
from rowscope.inspector.render.fleet_report.tables import (
    FINDING_HEAD,
    LEGEND,
    MODEL_HEAD,
    MODEL_NUMBERS,
    STEP_NUMBERS,
    TOKEN_HEAD,
    finding_cells,
    model_cells,
    roles_of,
    standing,
    step_cells,
    step_head,
    token_cells,
)
from rowscope.inspector.render.lines import Line, Style
from rowscope.inspector.render.plain import columns, shorten, wrap
from rowscope.inspector.render.spoken import Cells, heading_lines, in_language, spoken_lines
from rowscope.inspector.text import say, told, visible

_GATE: Final[dict[str, Style]] = {"pass": "good", "fail": "error", "failed": "error", "partial": "warning"}
_NAME: Final = 40
_BLOCKS: Final = "▁▂▃▄▅▆▇█"


def report_lines(
    report: FleetReport, *, fail_on: str, exit_code: int, by: str, width: int, lang: str = "en"
) -> Iterator[Line]:
    """The leaderboard and the runs, whichever `by` (`model`, `step`, `all`) asks for."""
    yield Line(f"rowscope fleet  {visible(report.store)}", "title")
    yield from spoken_lines([standing(report, fail_on)], width, "", lang, "error" if exit_code else "good")
    if by != "step":
        yield from _leaderboard(report, fail_on, width, lang)
    if by != "model":
        for run in report.runs:
            yield from _run(run, width, lang)
        if by == "step" and not report.runs:
            none = say("no steps of a run are in this store: they lie in folders as checkpoint-500")
            yield from _dim(none, width, lang)
    yield Line(told(say("exit {code}", code=exit_code), lang), "dim")


def _leaderboard(report: FleetReport, fail_on: str, width: int, lang: str) -> Iterator[Line]:
    lines = [line for line in report.checkpoints if line.latest]
    if not lines:
        return
    yield from heading_lines(say("Checkpoints"), lang)
    cells = [model_cells(line, fail_on) for line in lines]
    shown = in_language([MODEL_HEAD, *(_narrow(row, width) for row in cells)], lang, "fleet")
    head, *body = columns(shown, width, MODEL_NUMBERS)
    yield Line(head, "dim")
    for row, line in zip(body, lines, strict=True):
        yield Line(row, _GATE[line.gate(fail_on)])
    words = say("untrained: used rows; in use: untrained special tokens; free: slots for new tokens")
    yield from _dim(words, width, lang)
    for line in lines:
        yield from _failure(line, width)


def _failure(line: CheckpointLine, width: int) -> Iterator[Line]:
    if line.status == "failed":
        said = f"{visible(line.path)}: {line.error_code}: {visible(line.error_message or '')}"
        yield from (Line(part, "error") for part in wrap(said, width, "  "))


def _run(run: Run, width: int, lang: str) -> Iterator[Line]:
    title = say(
        "Run {model}: {count:# step|# steps}, {first} to {last}",
        model=visible(run.model),
        count=len(run.steps),
        first=run.steps[0].step,
        last=run.steps[-1].step,
    )
    yield from heading_lines(title, lang)
    worse = [
        say("! step {step}: {said}", step=at.step, said=said) for at in run.steps for said in at.regressions
    ]
    yield from spoken_lines(worse, width, "  ", lang, "warning")
    rows = [step_cells(step, roles_of(run)) for step in run.steps]
    numbers = {*STEP_NUMBERS, *range(4, 4 + 2 * len(roles_of(run)))}
    yield from _table([step_head(run), *rows], width, numbers, lang)
    drawn = spark([step.untrained_used_rows for step in run.steps])
    if drawn:
        yield Line(f"  {told(say('untrained used rows by step'), lang)}  {drawn}", "dim")
    if run.tokens:
        yield Line("")
        rows = [_narrow(token_cells(token), width) for token in run.tokens]
        yield from _table([TOKEN_HEAD, *rows], width, {0}, lang)
        yield from _dim(LEGEND, width, lang)
    if run.findings:
        yield Line("")
        yield from _table([FINDING_HEAD, *map(finding_cells, run.findings)], width, set(), lang)


def _narrow(cells: Cells, width: int) -> Cells:
    """The name, the second cell, within a third of the line."""
    return (cells[0], shorten(cells[1], max(min(_NAME, width // 3), 12)), *cells[2:])


def _table(rows: list[Cells], width: int, numbers: set[int], lang: str) -> Iterator[Line]:
    head, *body = columns(in_language(rows, lang, "fleet"), width, numbers)
    yield Line(head, "dim")
    yield from map(Line, body)


def _dim(words: str, width: int, lang: str) -> Iterator[Line]:
    yield from spoken_lines([words], width, "  ", lang, "dim")


def spark(values: list[int | None]) -> str:
    """A bar a value, from 0 to the largest; `?` for what is not known, nothing where nothing is."""
    known = [value for value in values if value is not None]
    most = max(known, default=0)
    if not most:
        return ""
    high = len(_BLOCKS) - 1
    return "".join("?" if value is None else _BLOCKS[round(value / most * high)] for value in values)
