"""The command `fleet`: many checkpoints into a store, and what is in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rowscope.commands.coercion import PlainCommand, PlainGroup
from rowscope.commands.fleet_report import report
from rowscope.commands.formats import pick_format
from rowscope.commands.manner import with_manner
from rowscope.commands.options import OutputOption, TokenizerOption
from rowscope.commands.remote import CacheOption, MaxDownloadOption, size
from rowscope.inspector.errors import UsageError, guess
from rowscope.progress import FleetProgress
from rowscope.terminal import check_choice, command, emit_json, emit_lines, text_width

if TYPE_CHECKING:
    from rowscope.inspector.gate import Settings

_FORMATS: Final = ("text", "json")


class FleetGroup(PlainGroup):
    """`fleet PATH…` is `fleet run PATH…`: what follows names a command only as the first word."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own type
        known = {*self.commands, *ctx.help_option_names}
        if args and args[0] not in known:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:  # noqa: ANN401
        """The commands, and what `run` would offer."""
        run = self.commands["run"]
        inside = run.make_context("run", [], parent=ctx, resilient_parsing=True)
        paths = next(one for one in run.get_params(inside) if one.name == "paths")
        offered = (run if incomplete.startswith("-") else paths).shell_complete(inside, incomplete)
        here = super().shell_complete(ctx, incomplete)
        taken = {item.value for item in offered}
        return [*(item for item in here if item.value not in taken), *offered]


fleet = typer.Typer(
    name="fleet",
    cls=FleetGroup,
    help="Audit many checkpoints into a store of Parquet tables. rowscope fleet PATH... --out DIR is fleet "
    "run; a folder called like a command here is ./status.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

StoreArgument = Annotated[str, typer.Argument(metavar="DIR", help="The store: --out of fleet run.")]
FormatOption = Annotated[str | None, typer.Option("--format", "-f", help="text or json.  [default: text]")]


@fleet.command(cls=PlainCommand)
@with_manner
@command
def run(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...",
            help="Checkpoints as audit takes them, folders of checkpoints, runs with their steps, globs.",
        ),
    ] = None,
    out: Annotated[
        str,
        typer.Option(
            "--out", help="The store: a folder, made where there is none, continued where there is."
        ),
    ] = "",
    lists: Annotated[
        list[str] | None, typer.Option("--list", help="A file with one PATH a line, - for standard input.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", help="local, shard (of a Slurm array or of --shard), or ray.")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes at once.  [default: one a processor]")
    ] = None,
    shard: Annotated[
        str | None, typer.Option("--shard", help="Only this part of the checkpoints, such as 3/64.")
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option("--ray-address", help="Of a running Ray cluster.  [default: RAY_ADDRESS]")
    ] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", help="The most that a worker may use, such as 4GB.")
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", help="Seconds that one checkpoint may take.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed before and has not changed since.")
    ] = False,
    rows: Annotated[bool, typer.Option("--rows", help="Also keep every row, judged, in DIR/rows.")] = False,
    format: FormatOption = None,
    output: OutputOption = None,
    tokenizer: TokenizerOption = None,
    base: Annotated[
        str | None,
        typer.Option("--base", help="Where all are PEFT adapters: the model they were trained on."),
    ] = None,
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
        typer.Option("--allow-partial/--no-allow-partial", help="Do not exit 3 for partial audits."),
    ] = None,
    reachability: Annotated[
        bool, typer.Option("--reachability", help="Also find tokens that no text produces.")
    ] = False,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", help="Only these codes, such as ROW or TOK301; repeatable."),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", help="Not these codes.")] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Leave out findings that this file holds.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Read the settings from this file.")] = None,
    no_config: Annotated[bool, typer.Option("--no-config", help="Read no settings file.")] = False,
) -> int:
    """Audit every checkpoint, in parallel, into a store; a second run audits what is new or changed."""
    from rowscope.inspector.audit import FAIL_ON
    from rowscope.inspector.fleet import AuditOptions, read_lists
    from rowscope.inspector.fleet import fleet as run_fleet

    form = pick_format(format, output, _FORMATS, makes_folder=True)
    if not out:
        near = guess(paths[0], ("status", "report", "run")) if paths else ""
        raise UsageError(
            f"no store given; {near}give --out DIR, a new folder or a store to go on with", location="--out"
        )
    _check_counts(workers, time_limit)
    given = [*(paths or ()), *read_lists(lists or ())]
    settings = _settings(given, config, no_config).override(
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
        fail_on=fail_on,
        baseline=baseline,
        allow_partial=allow_partial,
    )
    check_choice("--fail-on", settings.fail_on, FAIL_ON)
    options = AuditOptions(
        tokenizer=tokenizer,
        base=base,
        reachability=reachability,
        select=settings.select,
        ignore=settings.ignore,
        baseline=None if settings.baseline is None else str(settings.baseline),
        rows=rows,
        cache=None if cache is None else str(Path(cache).expanduser()),
        max_download=size(max_download, "--max-download"),
    )
    with FleetProgress(again=out) as progress:
        result = run_fleet(
            given,
            out,
            engine,
            workers=workers,
            shard=shard,
            ray_address=ray_address,
            memory=None if memory is None else size(memory, "--memory"),
            time_limit=time_limit,
            retry_failed=retry_failed,
            options=options,
            watch=progress,
        )
    code = result.exit_code(settings.fail_on, allow_partial=settings.allow_partial)
    if form == "json":
        emit_json(result.to_dict(exit_code=code), output)
    else:
        from rowscope.inspector.render.fleet import fleet_lines

        emit_lines(fleet_lines(result, exit_code=code, width=text_width()), output)
    return code


@fleet.command(cls=PlainCommand)
@with_manner
@command
def status(store: StoreArgument, format: FormatOption = None, output: OutputOption = None) -> int:
    """How far the runs in a store are, from any terminal that sees it."""
    from rowscope.inspector.fleet import fleet_status

    form = pick_format(format, output, _FORMATS)
    found = fleet_status(store)
    if form == "json":
        emit_json(found.to_dict(), output)
    else:
        from rowscope.inspector.render.fleet import status_lines

        emit_lines(status_lines(found, width=text_width()), output)
    return 0


fleet.command(cls=PlainCommand)(with_manner(report))


def _check_counts(workers: int | None, time_limit: float | None) -> None:
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers} is less than one process", location="--workers")
    if time_limit is not None and not time_limit > 0:
        raise UsageError(f"--time-limit {time_limit:g} is no time; give seconds", location="--time-limit")


def _settings(paths: list[str], config: Path | None, no_config: bool) -> Settings:
    """The settings that hold here: none that lie in what is audited, unless they are named."""
    from rowscope.inspector.gate import Settings, read_settings

    if no_config and config is not None:
        raise UsageError("give --config or --no-config, not both", location="--config")
    if no_config:
        return Settings()
    audited = [Path(path) for path in paths if "://" not in path and os.path.isdir(path)]
    return read_settings(Path.cwd(), audited, config)
