"""Commands that change a checkpoint: claim and undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from rowscope.commands.formats import page_options, pick_format
from rowscope.commands.options import FormatOption, LangOption, OutputOption, PathArgument
from rowscope.inspector.errors import UsageError
from rowscope.progress import Progress
from rowscope.terminal import check_choice, command, emit_json, emit_text, text_width, tool

if TYPE_CHECKING:
    from rowscope.inspector.checkpoint import Checkpoint
    from rowscope.inspector.claim import ClaimPlan, Link


@command
def claim(
    path: PathArgument,
    tokens: Annotated[list[str], typer.Argument(metavar="TOKEN...", help="The new tokens, such as '<NUM>'.")],
    out: Annotated[str | None, typer.Option("--out", help="New folder for the checkpoint.")] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Change the files themselves; `rowscope undo` takes it back.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and write nothing.")] = False,
    replace: Annotated[
        list[str] | None,
        typer.Option("--replace", help="Placeholder whose place a token takes; one for each, in order."),
    ] = None,
    id: Annotated[int | None, typer.Option("--id", help="The id that the one token must get.")] = None,
    values: Annotated[
        str | None,
        typer.Option(
            "--values",
            help="Initial rows: mean (default for one), normal (for several), like:TOKEN, text:WORDS, "
            "distil:TEXT or distil:@FILE (extra model), keep.",
        ),
    ] = None,
    scale: Annotated[
        bool, typer.Option("--scale/--no-scale", help="Scale mean, text and normal to the trained norm.")
    ] = True,
    seed: Annotated[int, typer.Option("--seed", help="Of --values normal.")] = 0,
    special: Annotated[
        bool, typer.Option("--special/--plain", help="Whether decoding may skip the tokens.")
    ] = False,
    link: Annotated[
        str, typer.Option("--link", help="How unchanged files come along: auto, hard, reflink or copy.")
    ] = "auto",
    lang: LangOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> int:
    """Give reserved slots to new tokens: tokenizer files and row bytes."""
    from rowscope.inspector.checkpoint import open_checkpoint
    from rowscope.inspector.claim import LINKS

    format = pick_format(format, output, ("text", "json"), makes_folder=True)
    language = page_options({format}, None, lang)
    check_choice("--link", link, LINKS)
    if sum((out is not None, in_place, dry_run)) != 1:
        raise UsageError("give one of --out DIR, --in-place and --dry-run", location="--out")
    checkpoint = open_checkpoint(path)
    recipe: dict[str, Any] = {"special": special, "replace": replace, "id": id, "values": values}
    recipe |= {"seed": seed, "scale": scale}
    if values is not None and values.startswith("distil:"):
        from rowscope.commands.distilling import given_rows

        recipe["given"] = given_rows(checkpoint, tokens, recipe)
    if out is not None:
        from rowscope.inspector.claim import claim_into

        with Progress(checkpoint) as progress:
            how = cast("Link", link)
            result = claim_into(checkpoint, tokens, out, **recipe, link=how, progress=progress)
    else:
        plan = _plan(checkpoint, tokens, recipe)
        if dry_run:
            return _emit_plan(plan, format, output, language)
        from rowscope.inspector.claim import apply_claim_in_place

        result = apply_claim_in_place(plan)
    from rowscope.inspector.render.claim import render_result

    _emit(result, render_result(result, width=text_width(), lang=language), format, output, language)
    return 0


def _emit_plan(plan: ClaimPlan, format: str, output: str | None, lang: str) -> int:
    from rowscope.inspector.render.claim import render_plan

    _emit(plan, render_plan(plan, width=text_width(), lang=lang), format, output, lang)
    return 0


def _plan(checkpoint: Checkpoint, tokens: list[str], recipe: dict[str, Any]) -> ClaimPlan:
    from rowscope.inspector.claim import plan_claim

    with Progress(checkpoint) as progress:
        return plan_claim(checkpoint, tokens, **recipe, progress=progress)


@command
def undo(
    path: PathArgument,
    trust_manifest: Annotated[
        bool,
        typer.Option("--trust-manifest", help="Also where no claim of yours here wrote the undo manifest."),
    ] = False,
    lang: LangOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> int:
    """Take back the last claim made in place, finished or interrupted."""
    from rowscope.inspector.claim import undo_claim
    from rowscope.inspector.render.claim import render_undo

    format = pick_format(format, output, ("text", "json"))
    language = page_options({format}, None, lang)
    result = undo_claim(path, trust_manifest=trust_manifest)
    _emit(result, render_undo(result, width=text_width(), lang=language), format, output, language)
    return 0


def _emit(result: Any, text: str, format: str, output: str | None, lang: str) -> None:  # noqa: ANN401 - has to_dict
    if format == "json":
        emit_json({"schema_version": "1", "tool": tool(), "exit_code": 0, **result.to_dict()}, output, lang)
    else:
        emit_text(text, output)
