"""A store's report for programs and pages: CSV, Markdown, HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

from rowscope.inspector.fleet import CheckpointLine, FleetReport, Run
from rowscope.inspector.frozen import field_names, fields_of
from rowscope.inspector.render.fleet_report.tables import (
    FINDING_HEAD,
    MODEL_HEAD,
    TOKEN_HEAD,
    finding_cells,
    model_cells,
    roles_of,
    standing,
    step_cells,
    step_head,
    token_cells,
)
from rowscope.inspector.render.markdown import escape_markdown, markdown_table
from rowscope.inspector.render.spoken import in_language
from rowscope.inspector.text import say, told

REPORT_FORMATS: Final = ("text", "json", "markdown", "html", "csv")
_STEP_COLUMNS: Final = (
    "series", "step", "path", "status", "untrained_used_rows", "errors", "warnings", "role", "tensor",
    "used_norm", "reserved_norm", "appeared", "vanished", "regressions",
)  # fmt: skip


def render_report(
    report: FleetReport,
    format: str,
    *,
    fail_on: str,
    exit_code: int,
    by: str,
    title: str | None = None,
    lang: str = "en",
) -> str:
    """The report as `markdown`, `html` or `csv`; `by` is `model`, `step` or `all`, `lang` the language of
    the first two.

    CSV is one table: the steps for `step`, else the checkpoints.
    """
    if format == "csv":
        return steps_csv(report) if by == "step" else checkpoints_csv(report, fail_on)
    if format == "markdown":
        return "\n".join(_markdown(report, fail_on, exit_code, by, lang)) + "\n"
    from rowscope.inspector.render.fleet_report.html import report_html

    return report_html(report, fail_on=fail_on, exit_code=exit_code, by=by, title=title, lang=lang)


def checkpoints_csv(report: FleetReport, fail_on: str) -> str:
    """RFC 4180: every checkpoint, its fields and its gate; missing values are empty."""
    names = (*field_names(CheckpointLine), "gate")
    return _csv(names, ((*fields_of(line).values(), line.gate(fail_on)) for line in report.checkpoints))


def steps_csv(report: FleetReport) -> str:
    """RFC 4180: a line for every step and matrix; lists are separated by `; `."""
    return _csv(_STEP_COLUMNS, (row for run in report.runs for row in _step_rows(run)))


def _step_rows(run: Run) -> Iterator[Sequence[object]]:
    for step in run.steps:
        begin = (run.series, step.step, step.path, step.status)
        counts = (step.untrained_used_rows, step.errors, step.warnings)
        lists = ["; ".join(words) for words in (step.appeared, step.vanished, step.regressions)]
        for norm in step.norms or (None,):
            norms = [None] * 4 if norm is None else [norm.role, norm.tensor, norm.used, norm.reserved]
            yield (*begin, *counts, *norms, *lists)


def _csv(names: Sequence[str], rows: Iterator[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()


def _markdown(report: FleetReport, fail_on: str, exit_code: int, by: str, lang: str) -> Iterator[str]:
    yield f"# {_text(say('Fleet {store}', store=report.store), lang)}"
    yield ""
    yield f"**{_text(standing(report, fail_on), lang)}** ({told(say('exit {code}', code=exit_code), lang)})"
    if by != "step":
        yield from ("", f"## {told(say('Checkpoints'), lang)}", "")
        lines = [line for line in report.checkpoints if line.latest]
        yield from _table([MODEL_HEAD, *(model_cells(line, fail_on) for line in lines)], lang)
        for line in lines:
            if line.status == "failed":
                yield from ("", f"- {escape_markdown(line.path)}: {line.error_code}: "
                            f"{escape_markdown(line.error_message or '')}")  # fmt: skip
    if by != "model":
        for run in report.runs:
            yield from _markdown_run(run, lang)


def _text(said: str, lang: str) -> str:
    return escape_markdown(told(said, lang))


def _table(rows: Sequence[Sequence[str]], lang: str) -> Iterator[str]:
    return markdown_table(in_language([tuple(row) for row in rows], lang, "fleet"))


def _markdown_run(run: Run, lang: str) -> Iterator[str]:
    yield from ("", f"## {_text(say('Run {model}', model=run.model), lang)}", "")
    worse = [
        say("step {step}: {said}", step=at.step, said=said) for at in run.steps for said in at.regressions
    ]
    yield from (f"- {_text(said, lang)}" for said in worse)
    yield ""
    yield from _table([step_head(run), *(step_cells(step, roles_of(run)) for step in run.steps)], lang)
    if run.tokens:
        yield ""
        yield from _table([TOKEN_HEAD, *map(token_cells, run.tokens)], lang)
    if run.findings:
        yield ""
        yield from _table([FINDING_HEAD, *map(finding_cells, run.findings)], lang)
