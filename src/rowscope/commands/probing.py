"""Model mode: the probes (extra `model`)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rowscope.commands.coercion import PlainCommand, PlainGroup
from rowscope.commands.formats import pick_format
from rowscope.commands.manner import with_manner
from rowscope.commands.options import (
    DeviceOption,
    DtypeOption,
    FormatOption,
    IdsOption,
    OutputOption,
    PathArgument,
    SeedOption,
    TrustOption,
)
from rowscope.inspector.errors import UsageError
from rowscope.progress import StageProgress
from rowscope.terminal import (
    command,
    emit_json,
    emit_lines,
    text_width,
)

if TYPE_CHECKING:
    from rowscope.inspector.model import Policy, ProbeResult

TimingsOption = Annotated[
    bool | None,
    typer.Option(
        "--timings/--no-timings",
        help="Seconds in JSON too, or none in text either; by default equal runs give equal JSON.",
    ),
]

probe = typer.Typer(
    name="probe",
    cls=PlainGroup,
    help="Load the model and measure what reserved tokens do in it (extra model).",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dataclass(frozen=True, slots=True)
class Shared:
    """The options that every probe has, behind its own ones on the command line."""

    ids: IdsOption = None
    device: DeviceOption = "auto"
    dtype: DtypeOption = "auto"
    seed: SeedOption = 0
    trust_remote_code: TrustOption = False
    format: FormatOption = None
    output: OutputOption = None
    timings: TimingsOption = None


def with_shared(body: Callable[..., int]) -> Callable[..., int]:
    """A probe whose `shared` parameter becomes the options of `Shared` in the eyes of the parser."""
    options = inspect.signature(Shared, eval_str=True).parameters
    own = inspect.signature(body, eval_str=True)
    kept = [parameter for name, parameter in own.parameters.items() if name != "shared"]

    @functools.wraps(body)
    def run(**given: object) -> int:
        # What a probe writes is known before its model loads.
        given["format"] = pick_format(given["format"], given["output"], ("text", "json"))  # type: ignore[arg-type]
        shared = Shared(**{name: given.pop(name) for name in options})  # type: ignore[arg-type]
        return body(shared=shared, **given)

    seen = own.replace(parameters=[*kept, *options.values()])
    run.__signature__ = seen  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in seen.parameters.items()}
    return run


@probe.command(cls=PlainCommand)
@with_manner
@command
@with_shared
def forward(
    path: PathArgument,
    shared: Shared,
    limit: Annotated[int, typer.Option("--limit", help="At most this many ids of a group; 0 for all.")] = 0,
) -> int:
    """Reserved ids as input: logits, ranks, entropy, hidden states against used tokens."""
    from rowscope.inspector.model import forward as run

    return _run(run, path, shared, limit=limit or None)


@probe.command(cls=PlainCommand)
@with_manner
@command
@with_shared
def gradient(
    path: PathArgument,
    shared: Shared,
    target: Annotated[
        int | None, typer.Option("--target", help="Id to predict; the first reserved one by default.")
    ] = None,
) -> int:
    """Gradient of the vocabulary matrices, taken apart into its input and output paths."""
    from rowscope.inspector.model import gradient as run

    return _run(run, path, shared, target=target)


@probe.command(cls=PlainCommand)
@with_manner
@command
@with_shared
def leak(
    path: PathArgument,
    shared: Shared,
    prompts: Annotated[
        str | None, typer.Option("--prompts", help="A file with one prompt a line, or .jsonl.")
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", help="Tokens that top-k keeps.")] = 50,
    top_p: Annotated[float, typer.Option("--top-p", help="Mass that top-p keeps.")] = 0.95,
    min_p: Annotated[float, typer.Option("--min-p", help="Share of the largest probability.")] = 0.05,
    rollout_tokens: Annotated[
        int, typer.Option("--rollout-tokens", help="Tokens that the model samples behind each prompt.")
    ] = 32,
    rl_steps: Annotated[
        int, typer.Option("--rl-steps", help="Policy-gradient steps on the sampled text; 0 for none.")
    ] = 0,
    rl_lr: Annotated[
        float | None, typer.Option("--rl-lr", help="Learning rate of these steps; 1e-6 by default.")
    ] = None,
    advantage: Annotated[
        float | None, typer.Option("--advantage", help="Of the sampled text in these steps; -1 by default.")
    ] = None,
    rl_optimizer: Annotated[
        str | None, typer.Option("--rl-optimizer", help="Of these steps: adamw (default) or sgd.")
    ] = None,
) -> int:
    """Probability mass on reserved ids when sampling, by temperature and filter, and with the mask."""
    from rowscope.inspector.model import leak as run
    from rowscope.inspector.model import read_prompts

    texts = None if prompts is None else read_prompts(prompts)
    filters: dict[str, Any] = {"top_k": top_k, "top_p": top_p, "min_p": min_p}
    own = {"learning_rate": rl_lr, "advantage": advantage, "optimizer": rl_optimizer}
    filters["policy"] = _policy(rl_steps, {name: value for name, value in own.items() if value is not None})
    return _run(run, path, shared, prompts=texts, rollout_tokens=rollout_tokens, **filters)


def _policy(steps: int, own: dict[str, Any]) -> Policy | None:
    from rowscope.inspector.model import Policy

    made = Policy(steps=steps or 1, **own)
    if steps:
        return made
    if own:
        names = {"learning_rate": "--rl-lr", "advantage": "--advantage", "optimizer": "--rl-optimizer"}
        given = names[next(iter(own))]
        raise UsageError(
            f"{given} is a setting of policy-gradient steps, and none are taken; add --rl-steps 8",
            location=given,
        )
    return None


@probe.command(cls=PlainCommand)
@with_manner
@command
@with_shared
def train(
    path: PathArgument,
    shared: Shared,
    steps: Annotated[int, typer.Option("--steps", help="Training steps of each variant.")] = 60,
    batch: Annotated[int, typer.Option("--batch", help="Sequences a step.")] = 8,
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", help="Of AdamW; the highest that leaves the model alive by default."),
    ] = None,
    weight_decay: Annotated[float, typer.Option("--weight-decay", help="Of AdamW.")] = 0.1,
    variant: Annotated[
        list[str] | None, typer.Option("--variant", help="Only these ways of training; repeatable.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--values",
            help="Compare initial rows as claim writes them: mean, normal, like:TOKEN, text:WORDS, "
            "distil:TEXT, distil:@FILE, keep; repeatable. Trains the new row alone, unless --variant.",
        ),
    ] = None,
) -> int:
    """Claim a slot in memory, train it a few steps, and see what the other reserved rows do."""
    from rowscope.inspector.model import VARIANTS
    from rowscope.inspector.model import train as run

    settings: dict[str, Any] = {"batch": batch, "learning_rate": learning_rate, "weight_decay": weight_decay}
    if values:
        from rowscope.commands.starting import plan_initial_rows

        settings["values"] = plan_initial_rows(path, values, shared.seed)
    chosen = variant or (["token-only"] if values else VARIANTS)
    return _run(run, path, shared, steps=steps, variants=chosen, **settings)


@probe.command(cls=PlainCommand)
@with_manner
@command
@with_shared
def verify(
    path: PathArgument,
    shared: Shared,
    suspects: Annotated[
        int | None, typer.Option("--suspects", help="Ask about the N surest suspects and the controls only.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Ask about every row.")] = False,
    controls: Annotated[
        int, typer.Option("--controls", help="Trained tokens to compare with, drawn by --seed.")
    ] = 300,
    resume: Annotated[
        str | None, typer.Option("--resume", help="File of JSON lines that keeps what was measured.")
    ] = None,
) -> int:
    """Ask the model about its tokens: whether it knows those that the weights call untrained."""
    from rowscope.inspector.model import verify as run

    return _run(run, path, shared, suspects=suspects, everything=all, controls=controls, resume=resume)


def _run(probe: Callable[..., ProbeResult], path: str, shared: Shared, **own: object) -> int:
    from rowscope.inspector.render.probe import probe_lines

    with StageProgress("reading the checkpoint") as progress:
        result = probe(
            path,
            device=shared.device,
            dtype=shared.dtype,
            seed=shared.seed,
            ids=_ids(path, shared.ids),
            trust_remote_code=shared.trust_remote_code,
            progress=progress,
            **own,
        )
    if shared.format == "json":
        emit_json(result.to_dict(timings=shared.timings is True), shared.output)
    else:
        result = result.untimed() if shared.timings is False else result
        emit_lines(probe_lines(result, width=text_width()), shared.output)
    return 0


def _ids(path: str, words: str | None) -> list[int] | None:
    if words is None:
        return None
    from rowscope.inspector.checkpoint import open_checkpoint
    from rowscope.inspector.listing import matrix_of
    from rowscope.inspector.ranges import parse_ranges

    matrix = matrix_of(open_checkpoint(path), "input")
    return [int(id) for id in parse_ranges(words, matrix.rows)]
