"""The results of the probes for people: tables of 80 columns and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rowscope.inspector.model import (
    Experiment,
    ForwardResult,
    GradientPart,
    GradientResult,
    GroupForward,
    LeakResult,
    ProbeResult,
    TrainResult,
    VerifyResult,
)
from rowscope.inspector.ranges import format_ranges
from rowscope.inspector.render.lines import Line, to_plain_text
from rowscope.inspector.render.plain import wrap
from rowscope.inspector.render.probe.leak import leak_lines
from rowscope.inspector.render.probe.parts import Cells, heading, say, table
from rowscope.inspector.render.probe.train import train_lines
from rowscope.inspector.render.probe.verify import verify_lines
from rowscope.inspector.text import cosine, count, real, visible

_LAYERS: Final = 6


def render_probe(result: ProbeResult, *, width: int = 80) -> str:
    """One probe's result as plain text of `width` columns."""
    return to_plain_text(probe_lines(result, width=width))


def probe_lines(result: ProbeResult, *, width: int = 80) -> Iterator[Line]:
    """One probe's result as styled lines of `width` columns; every name from a file is made visible."""
    yield from _title(result, width)
    match result:
        case ForwardResult():
            yield from _forward(result, width)
        case GradientResult():
            for experiment in result.experiments:
                yield from _experiment(experiment, result.settings.subject.kind, width)
        case LeakResult():
            yield from leak_lines(result, width)
        case TrainResult():
            yield from train_lines(result, width)
        case VerifyResult():
            yield from verify_lines(result, width)
    for note in result.notes:
        yield from (Line(text, "dim") for text in wrap(visible(note), width, ""))


def _title(result: ProbeResult, width: int) -> Iterator[Line]:
    facts = result.settings
    head = f"{result.probe} · {visible(facts.path)} · {visible(facts.model_class)}"
    yield from (Line(text, "title") for text in wrap(head, width, ""))
    tied = (
        {True: "tied", False: "untied"}[facts.tied] if facts.output_rows is not None else "no output matrix"
    )
    parts = (
        f"{facts.parameters:,} parameters, {tied}",
        f"{facts.device} {facts.dtype}" + (f" ({facts.dtype_reason})" if facts.dtype_reason else ""),
        f"seed {facts.seed}",
        f"{facts.subject.count:,} {facts.subject.kind} ids: {format_ranges(facts.subject.ranges, limit=3)}",
    )
    yield from (Line(text) for text in wrap(" · ".join(parts), width, ""))
    yield Line("")


def _forward(result: ForwardResult, width: int) -> Iterator[Line]:
    first = result.first_five
    yield heading(f"the first {len(first.ids)} together ({', '.join(map(str, first.ids))})")
    shape = "no logits" if first.logits_shape is None else f"logits {'x'.join(map(str, first.logits_shape))}"
    said = f"{'finite' if first.finite else 'NOT FINITE'}, {shape}"
    if first.logits is not None and first.entropy is not None:
        said += (
            f"; at the last position their logits have mean {real(first.logits.mean)}, best rank "
            f"{count(first.logits.best_rank)}; entropy {real(first.entropy)} nats"
        )
    yield from say(said, width)
    yield Line("")
    yield heading("each as an input of its own, and inside a sentence")
    yield from table([_FORWARD_NAMES, *(_forward_cells(group) for group in result.groups)], width, left=2)
    yield from say(
        "logit, pctile, rank: of the probed ids as predictions (mean; share of used ids below; the best); "
        "outputs: how many different ones, in effect; cosine: of the last hidden states, between inputs; "
        "special: untrained special tokens",
        width,
    )
    yield Line("")
    yield heading("mean norm of the hidden state by layer (0 = embedding)")
    yield from table(_layer_rows(result.groups), width, left=2)
    yield Line("")


_FORWARD_NAMES: Final = ("fed", "frame", "bad", "logit", "pctile", "rank", "entropy", "outputs", "cosine")


def _fed(group: GroupForward) -> str:
    return f"{group.inputs:,} {'special' if group.group == 'untrained_special' else group.group}"


def _forward_cells(group: GroupForward) -> Cells:
    stats, apart = group.logits, group.divergence
    return (
        _fed(group),
        group.frame,
        count(group.nonfinite),
        "-" if stats is None else f"{stats.mean:.2f}",
        "-" if stats is None else f"{stats.percentile:.1f}",
        "-" if stats is None else count(stats.best_rank),
        "-" if group.entropy is None else f"{group.entropy.mean:.2f}",
        f"{apart.effective_outputs:.2f}" if apart.js_nats == apart.js_nats else "-",
        cosine(apart.hidden_cosine),
    )


def _layer_rows(groups: Sequence[GroupForward]) -> list[Cells]:
    depth = max((len(group.layers) for group in groups), default=0)
    step = max(1, -(-(depth - 1) // (_LAYERS - 1)))
    shown = sorted({*range(0, depth, step), depth - 1} - {-1})
    rows: list[Cells] = [("fed", "frame", *map(str, shown))]
    for group in groups:
        rows.append((_fed(group), group.frame, *(real(group.layers[at].mean) for at in shown)))
    return rows


def _experiment(experiment: Experiment, kind: str, width: int) -> Iterator[Line]:
    inputs = ", ".join(map(str, experiment.inputs[:6])) + (", …" if len(experiment.inputs) > 6 else "")
    yield heading(f"{experiment.name}: reads {inputs}; is to predict {experiment.target}")
    agreement = experiment.agreement
    yield from say(
        f"loss {real(experiment.loss)} nats (by transformers: {real(experiment.loss_of_transformers)}); the "
        f"parts miss the whole by {real(experiment.closure)} of its largest element, the output path misses "
        f"(p - y) h by {real(agreement.max_error)}",
        width,
    )
    rows: list[Cells] = [("part", "path", "at", "used", "target", "read", "other", "cosine")]
    rows += [_part_cells(part) for part in (*experiment.whole, *experiment.parts)]
    yield from table(rows, width, left=2)
    yield from say(
        f"at: positions; norms of the gradient of the used rows, the target's row, the {kind} rows that are "
        f"read, and the median one of the other {kind} rows; cosine: between these",
        width,
    )
    yield Line("")


def _part_cells(part: GradientPart) -> Cells:
    norms = (part.find(name) for name in ("used", "target", "read"))
    others = part.find("others")
    return (
        part.part,
        part.path,
        count(part.positions),
        *("-" if group is None or not group.rows else f"{group.norm_total:.3g}" for group in norms),
        "-" if others is None else f"{others.norm_median:.3g}",
        "-" if others is None else cosine(others.pairwise_cosine),
    )
