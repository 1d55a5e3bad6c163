"""The command `fleet report`: what a store says, for people, pages and gates."""

from __future__ import annotations

from typing import Annotated

import typer

from rowscope.commands.formats import page_options, pick_format
from rowscope.commands.options import FormatOption, LangOption, OutputOption, TitleOption
from rowscope.terminal import check_choice, command, emit, emit_json, emit_lines, text_width

BY = ("all", "model", "step")


@command
def report(
    store: Annotated[str, typer.Argument(metavar="DIR", help="A store that rowscope fleet --out wrote.")],
    format: FormatOption = None,
    output: OutputOption = None,
    by: Annotated[
        str,
        typer.Option("--by", help="model: the leaderboard; step: each run's steps; all: both."),
    ] = "all",
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="Exit 1 from this severity on: error, warning, note, never.")
    ] = "error",
    fail_on_new: Annotated[
        bool,
        typer.Option(
            "--fail-on-new", help="Of a run, count only findings that the step before the last did not have."
        ),
    ] = False,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Do not exit 3 for a partial audit.")
    ] = False,
    title: TitleOption = None,
    lang: LangOption = None,
) -> int:
    """Report on a store: a leaderboard of its checkpoints, and each training run step by step."""
    from rowscope.inspector.audit import FAIL_ON
    from rowscope.inspector.fleet import fleet_report
    from rowscope.inspector.render.fleet_report import REPORT_FORMATS, render_report, report_lines

    shown = pick_format(format, output, REPORT_FORMATS)
    language = page_options((shown,), title, lang)
    check_choice("--by", by, BY)
    check_choice("--fail-on", fail_on, FAIL_ON)
    found = fleet_report(store)
    found = found.only_new() if fail_on_new else found
    code = found.exit_code(fail_on, allow_partial=allow_partial)
    if shown == "text":
        width = text_width()
        emit_lines(
            report_lines(found, fail_on=fail_on, exit_code=code, by=by, width=width, lang=language), output
        )
    elif shown == "json":
        emit_json(found.document(exit_code=code), output, language)
    else:
        text = render_report(found, shown, fail_on=fail_on, exit_code=code, by=by, title=title, lang=language)
        emit(text, output)
    return code
