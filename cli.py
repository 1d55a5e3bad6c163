"""The command line: parse, call, print, exit. Nothing here that another tool would need."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rowscope.inspector.errors import UsageError
from rowscope.terminal import (
    Progress,
    check_choice,
    command,
    emit,
    emit_json,
    emit_lines,
    print_failure,
    text_width,
)

if TYPE_CHECKING:
    from rowscope.inspector.report import Report

app = typer.Typer(
    name="rowscope",
    help="What is in the vocabulary rows of this checkpoint? Answers from the files alone.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PathArgument = Annotated[
    str,
    typer.Argument(
        metavar="PATH",
        help="A folder, a .safetensors file, a .safetensors.index.json, org/name in the local Hugging Face "
        "cache, or demo.",
    ),
]
FormatOption = Annotated[str, typer.Option("--format", "-f", help="How to print the result.")]
OutputOption = Annotated[str | None, typer.Option("--output", "-o", help="Write to this file instead.")]
MatrixOption = Annotated[str, typer.Option("--matrix", help="input or output.")]


def main() -> None:
    """Entry point of the command `rowscope`."""
    # The parser's base class, wherever this version of typer keeps it.
    parser_error: type[typer.BadParameter] = typer.BadParameter.__mro__[2]
    try:
        code = app(standalone_mode=False)
    except parser_error as error:
        error.show()
        if _asks_json(sys.argv):
            print_failure(UsageError(error.format_message()))
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _asks_json(words: list[str]) -> bool:
    pairs = zip(words, [*words[1:], ""], strict=True)
    return any((a, b) in (("--format", "json"), ("-f", "json")) or a == "--format=json" for a, b in pairs)


@app.command()
@command
def inspect(
    path: PathArgument,
    format: FormatOption = "text",
    output: OutputOption = None,
    all: Annotated[bool, typer.Option("--all", help="Every tensor, file and metadata entry.")] = False,
    filter: Annotated[str | None, typer.Option("--filter", help="Part of a name, or a glob.")] = None,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="List every fault of malformed files (exit 3).")
    ] = False,
) -> int:
    """List what is in the files, from their headers. Formats: text, json."""
    from rowscope.inspector.checkpoint import open_checkpoint

    check_choice("--format", format, ("text", "json"))
    if diagnose:
        return _diagnose(path, format, output)
    from rowscope.inspector.render.inspect_text import render_inspect
    from rowscope.inspector.structure import describe

    structure = describe(open_checkpoint(path), pattern=filter)
    if format == "json":
        emit_json(structure.to_dict(), output)
    else:
        emit(render_inspect(structure, width=text_width(), show_all=all), output)
    return 0


def _diagnose(path: str, format: str, output: str | None) -> int:
    import dataclasses

    from rowscope.inspector.diagnose import diagnose
    from rowscope.inspector.render.inspect_text import render_faults

    faults = diagnose(path)
    code = 3 if faults else 0
    if format == "json":
        body = {"schema_version": "1", "exit_code": code, "path": path}
        emit_json({**body, "faults": [dataclasses.asdict(fault) for fault in faults]}, output)
    else:
        emit(render_faults(faults, path=path, width=text_width()), output)
    return code


@app.command()
@command
def audit(
    path: PathArgument,
    format: FormatOption = "text",
    output: OutputOption = None,
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="Exit 1 from this severity on: error, warning, note, never.")
    ] = "error",
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Do not exit 3 for a partial audit.")
    ] = False,
    reachability: Annotated[
        bool,
        typer.Option("--reachability", help="Also find tokens that no text produces (loads the tokenizer)."),
    ] = False,
) -> int:
    """Audit the vocabulary rows. Formats: text, json, markdown."""
    from rowscope.inspector.audit import audit as run_audit
    from rowscope.inspector.checkpoint import open_checkpoint
    from rowscope.inspector.report import FAIL_ON

    check_choice("--format", format, AUDIT_FORMATS)
    if fail_on not in FAIL_ON:
        raise UsageError(
            f"--fail-on {fail_on!r} is not known; use {', '.join(FAIL_ON)}", location="--fail-on"
        )
    checkpoint = open_checkpoint(path)
    with Progress(checkpoint) as progress:
        report = run_audit(checkpoint, reachability=reachability, progress=progress)
    code = report.exit_code(fail_on, allow_partial=allow_partial)
    _emit_report(report, format, output, code)
    return code


AUDIT_FORMATS: Final = ("text", "json", "markdown")


def _emit_report(report: Report, format: str, output: str | None, code: int) -> None:
    if format == "json":
        emit_json(report.to_dict(exit_code=code), output)
    elif format == "markdown":
        from rowscope.inspector.render.audit_markdown import render_audit_markdown

        emit(render_audit_markdown(report, exit_code=code), output)
    else:
        from rowscope.inspector.render.audit_text import audit_lines

        emit_lines(audit_lines(report, exit_code=code, width=text_width()), output)


@app.command()
@command
def rows(
    path: PathArgument,
    ids: Annotated[str | None, typer.Option("--ids", help="Rows, such as 0:10,151665: (half-open).")] = None,
    token: Annotated[list[str] | None, typer.Option("--token", help="A token's row; repeatable.")] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", help="used, reserved, unmapped, placeholder, added or base."),
    ] = None,
    matrix: MatrixOption = "input",
    evidence: Annotated[
        bool, typer.Option("--evidence/--no-evidence", help="Judge the rows as well.")
    ] = True,
    full: Annotated[bool, typer.Option("--full", help="Judge against all rows, not a sample.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="Rows in the text format; 0 for all.")] = 40,
    format: FormatOption = "text",
    output: OutputOption = None,
) -> int:
    """Show rows one by one: norm, counts, verdict. Formats: text, json, csv, jsonl, parquet."""
    from rowscope.inspector.checkpoint import open_checkpoint
    from rowscope.inspector.choose import choose_ids, matrix_of
    from rowscope.inspector.render.rows_formats import render_rows
    from rowscope.inspector.render.rows_text import rows_lines
    from rowscope.inspector.table import named_rows, row_table

    check_choice("--format", format, ("text", "json", "csv", "jsonl", "parquet"))
    checkpoint = open_checkpoint(path)
    chosen = matrix_of(checkpoint, matrix)
    wanted = choose_ids(checkpoint, chosen, ids=ids, tokens=token or [], group=group)
    with Progress(checkpoint) as progress:
        if evidence:
            table = row_table(checkpoint, matrix, wanted, True, full=full, progress=progress)
        else:
            table = named_rows(checkpoint, chosen, wanted, progress)
    if format == "text":
        emit_lines(rows_lines(table, width=text_width(), limit=limit or None), output)
    else:
        emit(render_rows(table, path, format), output)
    return 0


@app.command()
@command
def suspects(
    path: PathArgument,
    group: Annotated[
        str, typer.Option("--group", help="used, reserved, unmapped, placeholder, added, base or all.")
    ] = "used",
    matrix: MatrixOption = "input",
    limit: Annotated[int, typer.Option("--limit", help="How many, surest first; 0 for all.")] = 40,
    reachability: Annotated[
        bool, typer.Option("--reachability", help="Say which of them no text produces.")
    ] = False,
    format: FormatOption = "text",
    output: OutputOption = None,
) -> int:
    """Rank the rows that look untrained. Formats: text, json, csv."""
    from rowscope.inspector.checkpoint import open_checkpoint
    from rowscope.inspector.render.suspects_text import suspects_csv, suspects_lines
    from rowscope.inspector.suspects import find_suspects

    check_choice("--format", format, ("text", "json", "csv"))
    checkpoint = open_checkpoint(path)
    with Progress(checkpoint) as progress:
        found = find_suspects(
            checkpoint,
            role=matrix,
            group=group,
            limit=limit or None,
            reachability=reachability,
            progress=progress,
        )
    if format == "json":
        emit_json(found.to_dict(), output)
    elif format == "csv":
        emit(suspects_csv(found), output)
    else:
        emit_lines(suspects_lines(found, width=text_width()), output)
    return 0


if __name__ == "__main__":
    main()
