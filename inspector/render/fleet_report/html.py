"""A store's report as one HTML page: the leaderboard, and of each run its pictures and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import rowscope
from rowscope.inspector.fleet import CheckpointLine, FleetReport, Run
from rowscope.inspector.render.fleet_report.tables import (
    FINDING_HEAD,
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
    when_trained,
)
from rowscope.inspector.render.html import (
    Answer,
    answers,
    grid_svg,
    html_table,
    lines_svg,
    note,
    page,
    section,
    text,
)
from rowscope.inspector.render.plain import plural, shorten
from rowscope.inspector.text import visible
from rowscope.inspector.vocabulary import shown_token

_STYLES: Final = {
    "trained": "trained",
    "untrained": "collapsed",
    "damaged": "damaged",
    "unknown": "of-unknown",
}
_STATES: Final = (
    ("trained", "trained"),
    ("collapsed", "untrained"),
    ("damaged", "damaged"),
    ("of-unknown", "cannot be told"),
)
_CURVES: Final = ("c0", "c1", "c2", "c3", "c4", "c5")
_DRAWN: Final = 120
_NAME: Final = 24


def report_html(
    report: FleetReport, *, fail_on: str, exit_code: int, by: str = "all", title: str | None = None
) -> str:
    """One HTML5 document in UTF-8 that needs nothing else and runs no script."""
    heading = title or f"Fleet {visible(report.store)}"
    return page(_body(report, fail_on, exit_code, by, heading), title=heading)


def _body(report: FleetReport, fail_on: str, exit_code: int, by: str, heading: str) -> Iterator[str]:
    yield f"<h1>{text(heading)}</h1>"
    yield from _banner(report, fail_on, exit_code)
    if by != "step":
        yield from section("Checkpoints", _leaderboard(report, fail_on), "checkpoints")
    if by != "model":
        for at, run in enumerate(report.runs):
            yield from section(f"Run {text(run.model)}", _run(run), f"run-{at}")
    yield f"<footer>rowscope {rowscope.__version__}, exit code {exit_code}</footer>"


def _banner(report: FleetReport, fail_on: str, exit_code: int) -> Iterator[str]:
    level = {0: "good", 1: "error"}.get(exit_code, "warning")
    yield f'<div class="verdict {level}"><p><strong>{text(standing(report, fail_on))}</strong></p></div>'
    counted = [line for line in report.checkpoints if line.latest]
    audited = [line for line in counted if line.status != "failed"]
    in_use = [line for line in audited if line.untrained_tokens_in_use]
    yield from answers(
        (
            Answer(
                "How many pass?",
                f"{sum(line.gate(fail_on) == 'pass' for line in counted):,} of {len(counted):,}",
                text(f"no finding at or above {fail_on}" if fail_on != "never" else "nothing fails"),
            ),
            Answer(
                "Where are untrained special tokens in use?",
                plural(len(in_use), "checkpoint"),
                text(", ".join(visible(line.model) for line in in_use[:6])),
                "warning" if in_use else "good",
            ),
            Answer(
                "What could not be audited?",
                f"{len(counted) - len(audited):,}",
                text(", ".join(visible(line.model) for line in counted if line.status == "failed")),
                "error" if len(audited) < len(counted) else "good",
            ),
        )
    )


def _leaderboard(report: FleetReport, fail_on: str) -> Iterator[str]:
    lines = [line for line in report.checkpoints if line.latest]
    rows = [MODEL_HEAD, *(model_cells(line, fail_on) for line in lines)]
    yield from html_table(rows, MODEL_NUMBERS, "Checkpoints")
    yield note(
        "The best first; of a run its last step counts. Untrained: used rows, ? where nothing tells; in use: "
        "untrained special tokens; free: slots for new tokens."
    )
    yield from map(_failure, (line for line in lines if line.status == "failed"))


def _failure(line: CheckpointLine) -> str:
    said = f"{text(line.error_code or '')}: {text(line.error_message or '')}"
    return f'<article class="error"><h3>{text(line.path)}</h3><p>{said}</p></article>'


def _run(run: Run) -> Iterator[str]:
    worse = [(step.step, said) for step in run.steps for said in step.regressions]
    if worse:
        yield '<article class="warning"><h3>Worse than at the step before</h3><ul>'
        yield from (f"<li>step {step:,}: {text(said)}</li>" for step, said in worse)
        yield "</ul></article>"
    yield from _pictures(run)
    numbers = {*STEP_NUMBERS, *range(4, 4 + 2 * len(roles_of(run)))}
    rows = [step_head(run), *(step_cells(step, roles_of(run)) for step in run.steps)]
    yield from html_table(rows, numbers, f"Steps of {run.model}")
    if run.tokens:
        yield "<h3>Special tokens: from which step on they are trained</h3>"
        yield from html_table([TOKEN_HEAD, *map(token_cells, run.tokens)], {0}, "Special tokens")
        yield note("● trained  ○ untrained  × damaged  ? cannot be told  · not there")
    if run.findings:
        yield "<h3>Findings that appear and vanish</h3>"
        yield from html_table([FINDING_HEAD, *map(finding_cells, run.findings)], (), "Findings")


def _pictures(run: Run) -> Iterator[str]:
    steps = [step.step for step in run.steps]
    untrained = [step.untrained_used_rows for step in run.steps]
    drawing = lines_svg(steps, [("untrained used rows", "collapsed", untrained)], "rows", _spoken(run))
    yield from _figure("Untrained used rows by step", drawing, ())
    curves = _norm_curves(run)
    drawing = lines_svg(steps, curves, "L2 norm", _norm_words(run))
    yield from _figure("Median norms by step", drawing, [(style, name) for name, style, _ in curves])
    yield from _token_picture(run, steps)
    yield from _finding_picture(run, steps)


def _token_picture(run: Run, steps: Sequence[int]) -> Iterator[str]:
    tokens = [
        (
            shorten(shown_token(token.token, token.text), _NAME),
            [_STYLES.get(state) for state in token.states],
            f"{token.id} {shown_token(token.token, token.text)}: {when_trained(token)}",
        )
        for token in run.tokens[:_DRAWN]
    ]
    label = "Special tokens by step; the table below says the same in words"
    drawing = grid_svg(steps, tokens, label) if tokens else ""
    yield from _figure("Special tokens by step", drawing, _STATES)


def _finding_picture(run: Run, steps: Sequence[int]) -> Iterator[str]:
    findings = [
        (
            shorten(f"{at.code} {visible(at.subject) or at.name}", _NAME),
            [f"of-{at.severity}" if held else None for held in at.present],
            f"{at.code} {at.name} {at.subject}",
        )
        for at in run.findings[:_DRAWN]
    ]
    label = "Findings by step; the table below says the same in words"
    drawing = grid_svg(steps, findings, label) if findings else ""
    levels = dict.fromkeys(at.severity for at in run.findings)
    yield from _figure("Findings by step", drawing, [(f"of-{level}", level) for level in levels])


def _figure(title: str, drawing: str, legend: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A picture under its title, with what its colours mean."""
    if not drawing:
        return
    marks = "".join(f'<span><span class="mark {style}"></span>{text(name)}</span>' for style, name in legend)
    below = f'<figcaption class="legend">{marks}</figcaption>' if marks else ""
    yield f"<figure><h3>{text(title)}</h3>{drawing}{below}</figure>"


def _spoken(run: Run) -> str:
    known = [step for step in run.steps if step.untrained_used_rows is not None]
    if not known:
        return "Untrained used rows by step: cannot be told"
    parts = ", ".join(
        f"{step.untrained_used_rows:,} at step {step.step:,}" for step in known[:1] + known[-1:]
    )
    return f"Untrained used rows by step: {parts}"


def _norm_curves(run: Run) -> list[tuple[str, str, list[float | None]]]:
    curves = []
    alone = len(roles_of(run)) == 1
    for role in roles_of(run):
        where = "" if alone else f", {role}"
        found = [next((norm for norm in step.norms if norm.role == role), None) for step in run.steps]
        curves.append((f"used rows{where}", [None if norm is None else norm.used for norm in found]))
        curves.append((f"reserved rows{where}", [None if norm is None else norm.reserved for norm in found]))
    styles = (_CURVES[at % len(_CURVES)] for at in range(len(curves)))
    return [(name, style, values) for (name, values), style in zip(curves, styles, strict=True)]


def _norm_words(run: Run) -> str:
    names = ", ".join(name for name, _, _ in _norm_curves(run))
    return f"Median norms by step of {names}; the table below has the numbers"
