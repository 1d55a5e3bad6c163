"""A store's report as one HTML page: the leaderboard, and of each run its pictures and tables."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final

import rowscope
from rowscope.inspector.checks import RULES
from rowscope.inspector.fleet import CheckpointLine, FleetReport, Run
from rowscope.inspector.render.audit.brief import LEVEL_WORDS
from rowscope.inspector.render.audit.tables import ROLE_WORDS
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
from rowscope.inspector.render.plain import shorten
from rowscope.inspector.render.spoken import Cells, in_language
from rowscope.inspector.text import joined, say, told, visible
from rowscope.inspector.vocabulary import shown_token

_STYLES: Final = {
    "trained": "trained",
    "untrained": "collapsed",
    "damaged": "damaged",
    "unknown": "of-unknown",
}
_STATES: Final = (
    ("trained", say("trained")),
    ("collapsed", say("untrained")),
    ("damaged", say("damaged")),
    ("of-unknown", say("cannot be told")),
)
_CURVES: Final = ("c0", "c1", "c2", "c3", "c4", "c5")
_DRAWN: Final = 120
_NAME: Final = 24
_NAMED: Final = 6


def report_html(
    report: FleetReport,
    *,
    fail_on: str,
    exit_code: int,
    by: str = "all",
    title: str | None = None,
    lang: str = "en",
) -> str:
    """One HTML5 document in UTF-8 that needs nothing else and runs no script."""
    heading = title or told(say("Fleet {store}", store=visible(report.store)), lang)
    return page(_body(report, fail_on, exit_code, by, heading, lang), title=heading, language=lang)


def _body(
    report: FleetReport, fail_on: str, exit_code: int, by: str, heading: str, lang: str
) -> Iterator[str]:
    yield f"<h1>{text(heading)}</h1>"
    yield from _banner(report, fail_on, exit_code, lang)
    if by != "step":
        yield from section(told(say("Checkpoints"), lang), _leaderboard(report, fail_on, lang), "checkpoints")
    if by != "model":
        for at, run in enumerate(report.runs):
            name = told(say("Run {model}", model=run.model), lang)
            yield from section(text(name), _run(run, lang), f"run-{at}")
    made = say("rowscope {version}, exit code {code}", version=rowscope.__version__, code=exit_code)
    yield f"<footer>{text(told(made, lang))}</footer>"


def _banner(report: FleetReport, fail_on: str, exit_code: int, lang: str) -> Iterator[str]:
    level = {0: "good", 1: "error"}.get(exit_code, "warning")
    said = told(standing(report, fail_on), lang)
    yield f'<div class="verdict {level}"><p><strong>{text(said)}</strong></p></div>'
    counted = [line for line in report.checkpoints if line.latest]
    audited = [line for line in counted if line.status != "failed"]
    in_use = [line for line in audited if line.untrained_tokens_in_use]
    failed = [line for line in counted if line.status == "failed"]
    passing = sum(line.gate(fail_on) == "pass" for line in counted)
    never = say("nothing fails")
    limit = never if fail_on == "never" else say("no finding at or above {level}", level=LEVEL_WORDS[fail_on])
    yield from answers(
        (
            Answer(
                told(say("How many pass?"), lang),
                told(say("{count} of {all}", count=passing, all=len(counted)), lang),
                text(told(limit, lang)),
            ),
            Answer(
                told(say("Where are untrained special tokens in use?"), lang),
                told(say("{count:# checkpoint|# checkpoints}", count=len(in_use)), lang),
                text(_models(in_use, lang)),
                "warning" if in_use else "good",
            ),
            Answer(
                told(say("What could not be audited?"), lang),
                told(say("{count:# checkpoint|# checkpoints}", count=len(failed)), lang),
                text(_models(failed, lang)),
                "error" if failed else "good",
            ),
        )
    )


def _models(lines: Sequence[CheckpointLine], lang: str) -> str:
    """The first names of a tile, and how many more there are."""
    shown = joined(", ", [visible(line.model) for line in lines[:_NAMED]])
    if len(lines) > _NAMED:
        return told(say("{shown} and {more} more", shown=shown, more=len(lines) - _NAMED), lang)
    return told(shown, lang)


def _leaderboard(report: FleetReport, fail_on: str, lang: str) -> Iterator[str]:
    lines = [line for line in report.checkpoints if line.latest]
    rows = [MODEL_HEAD, *(model_cells(line, fail_on) for line in lines)]
    yield from _table(rows, MODEL_NUMBERS, say("Checkpoints"), lang)
    said = say(
        "The best first; of a run its last step counts. Untrained: used rows, ? where nothing tells; in use: "
        "untrained special tokens; free: slots for new tokens."
    )
    yield note(told(said, lang))
    yield from _codes(lines, lang)
    yield from map(_failure, (line for line in lines if line.status == "failed"))


def _table(rows: Sequence[Cells], numbers: Container[int], label: str, lang: str) -> Iterator[str]:
    return html_table(in_language(rows, lang, "fleet"), numbers, told(label, lang))


def _codes(lines: Sequence[CheckpointLine], lang: str) -> Iterator[str]:
    """What the codes of the leaderboard mean, so that the page alone says why a checkpoint needs a look."""
    met = {line.worst_code for line in lines}
    for code in sorted(code for code in RULES if code in met):
        yield note(told(say("{code}: {said}", code=code, said=say(RULES[code].summary)), lang))


def _failure(line: CheckpointLine) -> str:
    said = f"{text(line.error_code or '')}: {text(line.error_message or '')}"
    return f'<article class="error"><h3>{text(line.path)}</h3><p>{said}</p></article>'


def _run(run: Run, lang: str) -> Iterator[str]:
    worse = [
        say("step {step}: {said}", step=at.step, said=said) for at in run.steps for said in at.regressions
    ]
    if worse:
        title = told(say("Worse than at the step before"), lang)
        yield f'<article class="warning"><h3>{text(title)}</h3><ul>'
        yield from (f"<li>{text(told(said, lang))}</li>" for said in worse)
        yield "</ul></article>"
    yield from _pictures(run, lang)
    numbers = {*STEP_NUMBERS, *range(4, 4 + 2 * len(roles_of(run)))}
    rows = [step_head(run), *(step_cells(step, roles_of(run)) for step in run.steps)]
    yield from _table(rows, numbers, say("Steps of {model}", model=run.model), lang)
    if run.tokens:
        title = say("Special tokens: from which step on they are trained")
        yield f"<h3>{text(told(title, lang))}</h3>"
        yield from _table([TOKEN_HEAD, *map(token_cells, run.tokens)], {0}, title, lang)
        yield note(told(LEGEND, lang))
    if run.findings:
        title = say("Findings that appear and vanish")
        yield f"<h3>{text(told(title, lang))}</h3>"
        yield from _table([FINDING_HEAD, *map(finding_cells, run.findings)], (), title, lang)


def _pictures(run: Run, lang: str) -> Iterator[str]:
    steps = [step.step for step in run.steps]
    untrained = [step.untrained_used_rows for step in run.steps]
    curve = [(told(say("untrained used rows"), lang), "collapsed", untrained)]
    below = told(say("step"), lang)
    drawing = lines_svg(steps, curve, told(say("rows"), lang), told(_spoken(run), lang), below=below)
    yield from _figure(say("Untrained used rows by step"), drawing, (), lang)
    curves = [(told(name, lang), style, values) for name, style, values in _norm_curves(run)]
    drawing = lines_svg(steps, curves, told(say("L2 norm"), lang), told(_norm_words(run), lang), below=below)
    yield from _figure(
        say("Median norms by step"), drawing, [(style, name) for name, style, _ in _norm_curves(run)], lang
    )
    yield from _token_picture(run, steps, lang)
    yield from _finding_picture(run, steps, lang)


def _token_picture(run: Run, steps: Sequence[int], lang: str) -> Iterator[str]:
    tokens = [
        (
            shorten(shown_token(token.token, token.text), _NAME),
            [_STYLES.get(state) for state in token.states],
            f"{token.id} {shown_token(token.token, token.text)}: {told(when_trained(token), lang)}",
        )
        for token in run.tokens[:_DRAWN]
    ]
    label = told(say("Special tokens by step; the table below says the same in words"), lang)
    drawing = grid_svg(steps, tokens, label, below=told(say("step"), lang)) if tokens else ""
    yield from _figure(say("Special tokens by step"), drawing, _STATES, lang)


def _finding_picture(run: Run, steps: Sequence[int], lang: str) -> Iterator[str]:
    findings = [
        (
            shorten(f"{at.code} {visible(at.subject) or at.name}", _NAME),
            [f"of-{at.severity}" if held else None for held in at.present],
            f"{at.code} {at.name} {at.subject}",
        )
        for at in run.findings[:_DRAWN]
    ]
    label = told(say("Findings by step; the table below says the same in words"), lang)
    drawing = grid_svg(steps, findings, label, below=told(say("step"), lang)) if findings else ""
    levels = dict.fromkeys(at.severity for at in run.findings)
    marks = [(f"of-{level}", LEVEL_WORDS.get(level, level)) for level in levels]
    yield from _figure(say("Findings by step"), drawing, marks, lang)


def _figure(title: str, drawing: str, legend: Iterable[tuple[str, str]], lang: str) -> Iterator[str]:
    """A picture under its title, with what its colours mean."""
    if not drawing:
        return
    marks = "".join(
        f'<span><span class="mark {style}"></span>{text(told(name, lang))}</span>' for style, name in legend
    )
    below = f'<figcaption class="legend">{marks}</figcaption>' if marks else ""
    yield f"<figure><h3>{text(told(title, lang))}</h3>{drawing}{below}</figure>"


def _spoken(run: Run) -> str:
    known = [step for step in run.steps if step.untrained_used_rows is not None]
    if not known:
        return say("Untrained used rows by step: cannot be told")
    parts = [
        say("{count} at step {step}", count=step.untrained_used_rows, step=step.step)
        for step in known[:1] + known[-1:]
    ]
    return say("Untrained used rows by step: {parts}", parts=joined(", ", parts))


def _norm_curves(run: Run) -> list[tuple[str, str, list[float | None]]]:
    curves: list[tuple[str, list[float | None]]] = []
    alone = len(roles_of(run)) == 1
    for role in roles_of(run):
        found = [next((norm for norm in step.norms if norm.role == role), None) for step in run.steps]
        used, reserved = say("used rows"), say("reserved rows")
        if not alone:
            used = say("{rows}, {role}", rows=used, role=ROLE_WORDS[role])
            reserved = say("{rows}, {role}", rows=reserved, role=ROLE_WORDS[role])
        curves.append((used, [None if norm is None else norm.used for norm in found]))
        curves.append((reserved, [None if norm is None else norm.reserved for norm in found]))
    styles = (_CURVES[at % len(_CURVES)] for at in range(len(curves)))
    return [(name, style, values) for (name, values), style in zip(curves, styles, strict=True)]


def _norm_words(run: Run) -> str:
    names = joined(", ", [name for name, _, _ in _norm_curves(run)])
    return say("Median norms by step of {names}; the table below has the numbers", names=names)
