"""Commands that list: inspect, rows, suspects, explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rowscope.commands.formats import page_options, pick_format
from rowscope.commands.options import (
    BaseOption,
    FormatOption,
    LangOption,
    MatrixOption,
    OutputOption,
    PathArgument,
    TitleOption,
    TokenizerOption,
)
from rowscope.commands.remote import CacheOption, MaxDownloadOption, remote_options
from rowscope.progress import Progress
from rowscope.terminal import (
    command,
    emit,
    emit_json,
    emit_lines,
    emit_text,
    text_width,
    tool,
)

if TYPE_CHECKING:
    from rowscope.inspector.checks import Rule


@command
def inspect(
    path: PathArgument,
    format: FormatOption = None,
    output: OutputOption = None,
    all: Annotated[bool, typer.Option("--all", help="Every tensor, file and metadata entry.")] = False,
    filter: Annotated[str | None, typer.Option("--filter", help="Part of a name, or a glob.")] = None,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="List every fault of malformed files (exit 3).")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare the files with the digests of their download.")
    ] = False,
    cache: CacheOption = None,
    max_download: MaxDownloadOption = "5GB",
    lang: LangOption = None,
) -> int:
    """List what is in the files, from their headers."""
    from rowscope.inspector.checkpoint import open_checkpoint

    format = pick_format(format, output, ("text", "json"))
    language = page_options({format}, None, lang)
    if diagnose:
        return _diagnose(path, format, output, language)
    from rowscope.inspector.checkpoint import describe
    from rowscope.inspector.render.inspect import render_inspect

    checkpoint = open_checkpoint(path, remote=remote_options(cache, max_download))
    structure = describe(checkpoint, pattern=filter, verify=verify)
    if format == "json":
        emit_json(structure.to_dict(structure.exit_code), output, language)
    else:
        emit_text(render_inspect(structure, width=text_width(), show_all=all, lang=language), output)
    return structure.exit_code


def _diagnose(path: str, format: str, output: str | None, lang: str) -> int:
    import dataclasses

    from rowscope.inspector.checkpoint import diagnose
    from rowscope.inspector.render.inspect import render_faults

    faults = diagnose(path)
    code = 3 if faults else 0
    if format == "json":
        body = {"schema_version": "1", "tool": tool(), "exit_code": code, "path": path}
        emit_json({**body, "faults": [dataclasses.asdict(fault) for fault in faults]}, output)
    else:
        emit_text(render_faults(faults, path=path, width=text_width(), lang=lang), output)
    return code


@command
def rows(
    path: PathArgument,
    ids: Annotated[str | None, typer.Option("--ids", help="Rows, such as 0:10,151665: (half-open).")] = None,
    token: Annotated[list[str] | None, typer.Option("--token", help="A token's row; repeatable.")] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", help="used, reserved, unmapped, placeholder, added or base."),
    ] = None,
    grep: Annotated[
        str | None, typer.Option("--grep", help="Tokens in which a regular expression finds something.")
    ] = None,
    verdict: Annotated[
        list[str] | None, typer.Option("--verdict", help="Rows of this verdict; repeatable.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="A condition on a column, such as norm<0.5; repeatable."),
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", help="By this column; -norm for the largest first.")
    ] = None,
    matrix: MatrixOption = "input",
    evidence: Annotated[
        bool, typer.Option("--evidence/--no-evidence", help="Judge the rows as well.")
    ] = True,
    full: Annotated[bool, typer.Option("--full", help="Judge against all rows, not a sample.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="Rows in the text format; 0 for all.")] = 40,
    tokenizer: TokenizerOption = None,
    base: BaseOption = None,
    cache: CacheOption = None,
    max_download: MaxDownloadOption = "5GB",
    title: TitleOption = None,
    lang: LangOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> int:
    """Show rows one by one: norm, counts, verdict."""
    from rowscope.inspector.checkpoint import open_checkpoint
    from rowscope.inspector.listing import RowNames, choose_ids, matrix_of, named_rows, row_table
    from rowscope.inspector.render.rows import rows_lines, rows_pieces

    format = pick_format(format, output, ("text", "json", "csv", "jsonl", "parquet", "html"))
    language = page_options({format}, title, lang)
    checkpoint = open_checkpoint(
        path,
        tokenizer=tokenizer,
        base=base,
        remote=remote_options(cache, max_download, needed_only=True),
    )
    chosen = matrix_of(checkpoint, matrix)
    names = RowNames(checkpoint, chosen)
    wanted = choose_ids(chosen, names, ids=ids, tokens=token or [], group=group, grep=grep)
    counted = chosen.rows if wanted is None else wanted.size
    with Progress(checkpoint, passes=2 if evidence else 1, rows=counted) as progress:
        if evidence:
            table = row_table(checkpoint, matrix, wanted, True, full=full, progress=progress, names=names)
        else:
            table = named_rows(chosen, names, wanted, progress)
    if verdict or where or sort is not None:
        from rowscope.inspector.listing import filtered

        table = filtered(table, verdicts=verdict or (), where=where or (), sort=sort)
    if format == "text":
        emit_lines(rows_lines(table, width=text_width(), limit=limit or None, lang=language), output)
    else:
        emit(rows_pieces(table, path, format, title=title, lang=language), output)
    return 0


@command
def suspects(
    path: PathArgument,
    group: Annotated[
        str, typer.Option("--group", help="used, reserved, unmapped, placeholder, added, base or all.")
    ] = "used",
    matrix: MatrixOption = "input",
    limit: Annotated[int, typer.Option("--limit", help="How many, surest first; 0 for all.")] = 40,
    tokenizer: TokenizerOption = None,
    base: BaseOption = None,
    cache: CacheOption = None,
    max_download: MaxDownloadOption = "5GB",
    reachability: Annotated[
        bool, typer.Option("--reachability", help="Say which of them no text produces.")
    ] = False,
    verified: Annotated[
        str | None,
        typer.Option("--verified", help="JSON of `probe verify`: say which of them the model knows."),
    ] = None,
    lang: LangOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> int:
    """Rank the rows that look untrained."""
    from rowscope.inspector.checkpoint import open_checkpoint
    from rowscope.inspector.listing import find_suspects, matrix_of
    from rowscope.inspector.render.suspects import SUSPECTS_FORMATS, suspects_lines, suspects_pieces

    format = pick_format(format, output, ("text", "json", *SUSPECTS_FORMATS))
    language = page_options({format}, None, lang)
    checkpoint = open_checkpoint(
        path,
        tokenizer=tokenizer,
        base=base,
        remote=remote_options(cache, max_download, needed_only=True),
    )
    with Progress(checkpoint, rows=matrix_of(checkpoint, matrix).rows) as progress:
        found = find_suspects(
            checkpoint,
            role=matrix,
            group=group,
            limit=limit or None,
            reachability=reachability,
            verified=verified,
            progress=progress,
        )
    if format == "json":
        emit_json(found.document(), output, language)
    elif format == "text":
        emit_lines(suspects_lines(found, width=text_width(), lang=language), output)
    else:
        emit(suspects_pieces(found, format), output)
    return 0


@command
def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE", help="A code, such as ROW203, or a name; without it, the list of all."
        ),
    ] = None,
    lang: LangOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> int:
    """Say what a finding means, how it is measured, what to do."""
    from rowscope.inspector.checks import RULES
    from rowscope.inspector.checks import explain as page_of

    format = pick_format(format, output, ("text", "markdown", "json"))
    language = page_options({format}, None, lang)
    if code is None:
        return _list_findings(format, output, language)
    page = page_of(code, language)
    if format == "markdown":
        emit(page, output)
        return 0
    if format == "text":
        from rowscope.inspector.render.explain import page_lines

        emit_lines(page_lines(page, min(text_width(), 100)), output)
        return 0
    rule = next(rule for rule in RULES.values() if code.upper() == rule.code or code.lower() == rule.name)
    emit_json(
        {"schema_version": "1", "tool": tool(), "exit_code": 0, **_rule(rule, language), "page": page}, output
    )
    return 0


def _list_findings(format: str, output: str | None, lang: str) -> int:
    from rowscope.inspector.checks import RULES
    from rowscope.inspector.render.explain import listed_lines, listed_markdown

    if format == "json":
        rules = [_rule(rule, lang) for rule in RULES.values()]
        emit_json({"schema_version": "1", "tool": tool(), "exit_code": 0, "findings": rules}, output)
    elif format == "markdown":
        emit(listed_markdown(RULES.values(), lang), output)
    else:
        emit_lines(listed_lines(RULES.values(), min(text_width(), 100), lang), output)
    return 0


def _rule(rule: Rule, lang: str) -> dict[str, str]:
    from rowscope.inspector.text import say, told

    summary = told(say(rule.summary), lang)
    return {"code": rule.code, "name": rule.name, "severity": rule.severity, "summary": summary}
