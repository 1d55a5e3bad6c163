"""Commands that act on what an audit knows: diff, mask, claim, undo."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from rowscope.commands.formats import page_options, pick_format
from rowscope.commands.options import (
    BaseOption,
    FormatOption,
    LangOption,
    OutputOption,
    PathArgument,
    TitleOption,
    TokenizerOption,
)
from rowscope.commands.remote import CacheOption, MaxDownloadOption, remote_options
from rowscope.progress import Progress
from rowscope.terminal import command, emit, emit_json, emit_lines, say, text_width

if TYPE_CHECKING:
    from rowscope.inspector.mask import Mask


@command
def diff(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The checkpoint that came first.")],
    tuned: Annotated[str, typer.Argument(metavar="TUNED", help="What was made of it.")],
    expect_unchanged: Annotated[
        str | None,
        typer.Option("--expect-unchanged", help="Rows such as 0:151665 that must be inherited; else exit 1."),
    ] = None,
    changed_only: Annotated[
        bool, typer.Option("--changed-only", help="Leave unchanged rows out of jsonl, csv and parquet.")
    ] = False,
    cache: CacheOption = None,
    max_download: MaxDownloadOption = "5GB",
    no_timings: Annotated[bool, typer.Option("--no-timings", help="Leave the seconds out.")] = False,
    title: TitleOption = None,
    lang: LangOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> int:
    """Compare the rows of two checkpoints."""
    from rowscope.inspector.checkpoint import open_checkpoint
    from rowscope.inspector.diff import diff as compare
    from rowscope.inspector.render.diff import DIFF_FORMATS, diff_lines, diff_pieces

    format = pick_format(format, output, ("text", *DIFF_FORMATS))
    language = page_options({format}, title, lang)
    remote = remote_options(cache, max_download)
    first, second = open_checkpoint(base, remote=remote), open_checkpoint(tuned, remote=remote)
    with Progress(first, second, passes=1) as progress:
        result = compare(first, second, expect_unchanged=expect_unchanged, progress=progress)
    if no_timings:
        result = dataclasses.replace(result, timings={})
    if format == "text":
        emit_lines(diff_lines(result, width=text_width(), lang=language), output)
    else:
        text = diff_pieces(result, format, changed_only=changed_only, title=title, lang=language)
        emit(text, output)
    return result.exit_code


@command
def mask(
    path: PathArgument,
    include: Annotated[
        str, typer.Option("--include", help="reserved, unmapped or untrained; several joined by commas.")
    ] = "reserved",
    apply: Annotated[
        bool, typer.Option("--apply", help="Write suppress_tokens into generation_config.json.")
    ] = False,
    tokenizer: TokenizerOption = None,
    base: BaseOption = None,
    cache: CacheOption = None,
    max_download: MaxDownloadOption = "5GB",
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="How to print it.  [default: text]",
        ),
    ] = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> int:
    """Export the ids that must never be sampled, in the form that a serving stack takes."""
    from rowscope.inspector.checkpoint import open_checkpoint
    from rowscope.inspector.mask import FORMATS, apply_mask, plan_mask
    from rowscope.inspector.mask import mask as make_mask

    files = {name: form.file for name, form in FORMATS.items()}
    format = pick_format(format, output, ("text", "json", *FORMATS), files=files)
    language = page_options({format}, None, lang)
    checkpoint = open_checkpoint(
        path,
        tokenizer=tokenizer,
        base=base,
        remote=remote_options(cache, max_download, needed_only=True),
    )
    if apply:
        _ = checkpoint.root  # refuses what cannot be written to before anything is fetched
    with Progress(checkpoint, rows=checkpoint.matrices[-1].rows if checkpoint.matrices else 0) as progress:
        found = make_mask(checkpoint, include, progress=progress)
    if apply:
        plan_mask(checkpoint, found)  # refuses before anything is printed
    _emit_mask(found, format, output, language)
    if apply:
        say(apply_mask(checkpoint, found))
    return 0


def _emit_mask(mask: Mask, format: str, output: str | None, lang: str) -> None:
    from rowscope.inspector.mask import format_notes, render_mask
    from rowscope.inspector.render.mask import mask_lines
    from rowscope.inspector.text import visible

    if format == "text":
        emit_lines(mask_lines(mask, width=text_width(), lang=lang), output)
        return
    if format == "json":
        emit_json(mask.to_dict(), output, lang)
        return
    emit(render_mask(mask, format), output)
    for note in (*mask.notes, *format_notes(mask, format)):
        say(f"note: {visible(note)}")
