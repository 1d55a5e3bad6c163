"""The command `audit`: settings, selection, baseline, and a format for every reader."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rowscope.commands.formats import SPOKEN, page_options, pick_format
from rowscope.commands.options import (
    BaseOption,
    LangOption,
    OutputOption,
    PathArgument,
    TitleOption,
    TokenizerOption,
)
from rowscope.commands.remote import CacheOption, MaxDownloadOption, remote_options
from rowscope.commands.reports import emit_report, read_reports
from rowscope.inspector.errors import UsageError
from rowscope.progress import Progress
from rowscope.terminal import check_choice, command, emit, say

if TYPE_CHECKING:
    from rowscope.inspector.audit import Report
    from rowscope.inspector.gate import Settings


@command
def audit(
    path: PathArgument,
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", help="How to print the report.  [default: text]"),
    ] = None,
    output: OutputOption = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            help="Also write FORMAT=FILE, such as html=audit.html, from the one audit; repeatable.",
        ),
    ] = None,
    title: TitleOption = None,
    lang: LangOption = None,
    tokenizer: TokenizerOption = None,
    base: BaseOption = None,
    cache: CacheOption = None,
    max_download: MaxDownloadOption = "5GB",
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on", help="Exit 1 from this severity on: error, warning, note, never.  [default: error]"
        ),
    ] = None,
    allow_partial: Annotated[
        bool | None,
        typer.Option("--allow-partial/--no-allow-partial", help="Do not exit 3 for a partial audit."),
    ] = None,
    reachability: Annotated[
        bool,
        typer.Option("--reachability", help="Also find tokens that no text produces (loads the tokenizer)."),
    ] = False,
    matrix: Annotated[
        str | None,
        typer.Option("--matrix", help="Judge this table alone: input, output, or its tensor's name."),
    ] = None,
    brief: Annotated[
        bool, typer.Option("--brief", help="The answer alone: a line for every error and warning.")
    ] = False,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", help="Only these codes, such as ROW or TOK301; repeatable."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help="Not these codes; the longer match wins.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Report only what this file does not hold yet.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option("--write-baseline", help="Write all findings to this file as known.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Read the settings from this file, wherever it lies.")
    ] = None,
    no_config: Annotated[bool, typer.Option("--no-config", help="Read no settings file.")] = False,
    no_timings: Annotated[
        bool, typer.Option("--no-timings", help="Leave the seconds out: equal audits give equal reports.")
    ] = False,
) -> int:
    """Audit the vocabulary rows: what is reserved, what is trained, what is wrong, what to do."""
    from rowscope.inspector.audit import FAIL_ON
    from rowscope.inspector.audit import audit as run_audit
    from rowscope.inspector.checkpoint import open_checkpoint, table_named
    from rowscope.inspector.gate import FORMATS, apply_selection, check_codes
    from rowscope.inspector.text import visible

    settings = _settings(path, tokenizer, base, config, no_config).override(
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
        fail_on=fail_on,
        baseline=baseline,
        allow_partial=allow_partial,
    )
    # The name of a file is nearer to this run than the settings are.
    shown = pick_format(format, output, FORMATS, default=settings.format)
    settings = settings.override(format=None if format is None and shown == settings.format else shown)
    also = read_reports(report or (), output)
    language = page_options({shown, *(kind for kind, _ in also)}, title, lang, SPOKEN)
    if brief and shown != "text":
        raise UsageError(
            f"--brief is a form of the text report, and the format is {shown}; leave it out, or "
            "add --format text",
            location="--brief",
        )
    check_choice("--fail-on", settings.fail_on, FAIL_ON)
    check_codes(settings.select, "--select")
    check_codes(settings.ignore, "--ignore")
    checkpoint = open_checkpoint(
        path, tokenizer=tokenizer, base=base, remote=remote_options(cache, max_download)
    )
    rows = None if matrix is None else table_named(checkpoint, matrix).matrix.rows
    with Progress(checkpoint, rows=rows) as progress:
        found = run_audit(checkpoint, reachability=reachability, matrix=matrix, progress=progress)
    found = apply_selection(found, settings.select, settings.ignore)
    found = _against_baseline(found, settings, write_baseline)
    found = dataclasses.replace(found, settings=settings.facts())
    if no_timings:
        found = dataclasses.replace(found, timings={})
    code = found.exit_code(settings.fail_on, allow_partial=settings.allow_partial)
    if found.settings is not None and found.settings.sentence and shown not in ("text", "json"):
        say(f"note: {visible(found.settings.sentence)}")
    for kind, file in also:
        emit_report(found, kind, file, code, title=title, lang=language)
    emit_report(found, shown, output, code, brief=brief, title=title, lang=language)
    return code


def _settings(
    path: str, tokenizer: str | None, base: str | None, config: Path | None, no_config: bool
) -> Settings:
    """The settings that hold here: none that lie in a folder which is audited, unless they are named."""
    from rowscope.inspector.checkpoint import locate
    from rowscope.inspector.errors import RowscopeError
    from rowscope.inspector.gate import Settings, read_settings

    if no_config and config is not None:
        raise UsageError("give --config or --no-config, not both", location="--config")
    if no_config:
        return Settings()
    audited = []
    for given in (path, tokenizer, base):
        if given is not None and "://" not in given:
            with suppress(RowscopeError):  # what is wrong with it is for others to say
                audited.append(locate(given).root)
    return read_settings(Path.cwd(), audited, config)


def _against_baseline(report: Report, settings: Settings, target: Path | None) -> Report:
    """Write the new baseline where asked, then leave out what the old one holds."""
    if settings.baseline is None and target is None:
        return report
    from rowscope.inspector.gate import apply_baseline, read_baseline, write_baseline

    known = read_baseline(settings.baseline) if settings.baseline is not None else None
    if target is not None:
        emit(write_baseline(report), str(target))
    return report if known is None else apply_baseline(report, known)
