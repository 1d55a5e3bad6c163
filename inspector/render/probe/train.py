"""The train probe's result for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.model import Drift, TrainResult, Variant
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.probe.parts import Cells, heading, say, table
from rowscope.inspector.text import cosine, real, visible

_NAME: Final = 16  # of a recipe in a table


def train_lines(result: TrainResult, width: int) -> Iterator[Line]:
    yield heading(
        f"{visible(result.token)} in slot {result.id}: {result.steps} steps of {result.batch}, AdamW"
    )
    start = result.variants[0]
    first, filled, stored = (
        real(number) for number in (start.loss_first, start.before.where_due, result.unclaimed.where_due)
    )
    yield from say(
        f"row filled with the mean of {result.started_rows:,} used rows at their median norm; where the "
        f"token is due, its probability was {stored} with the row as stored and is {filled} before the first "
        f"step; first loss {first} nats",
        width,
    )
    rows: list[Cells] = [("variant", "rate", "decay", "due", "first", "elsewhere", "last loss")]
    rows += [_variant_cells(variant) for variant in result.variants]
    yield from table(rows, width)
    yield from say(
        "due, elsewhere: probability of the token where it belongs and where not; first: share of the places "
        "where it belongs at which it is the likeliest token",
        width,
    )
    yield Line("")
    yield from _costs(result, width)
    yield from _values(result, width)
    yield heading("how far rows moved")
    moves: list[Cells] = [("variant", "rows", "moved", "relative", "norm", "cosine", "common")]
    for variant in result.variants:
        moves += [_drift_cells(variant, drift) for drift in variant.drift]
    yield from table(moves, width, left=2)
    yield from say("relative: |step| / |row|; norm: after / before; common: cosine between the steps", width)
    yield Line("")


def _costs(result: TrainResult, width: int) -> Iterator[Line]:
    yield heading("what it costs: loss on ordinary text, nats a token, before and after")
    rows: list[Cells] = [("variant", "text", "after", "prompts", "after", "alive", "ms/step")]
    for variant in result.variants:
        numbers = (
            f"{number:.3f}"
            for name in ("text_loss", "prompts_loss")
            for number in (getattr(variant.before, name), getattr(variant.after, name))
        )
        alive = "yes" if variant.alive else "NO"
        seconds = variant.seconds_per_step
        rows.append((variant.name, *numbers, alive, f"{1000 * seconds:.1f}" if seconds == seconds else "-"))
    yield from table(rows, width)
    for tried in result.tried:
        yield from say(
            f"{tried.variant} at rate {tried.learning_rate:g} was given up after {tried.steps} steps: the "
            f"loss on ordinary text had come to {tried.text_loss:.3f}",
            width,
        )
    yield Line("")


def _values(result: TrainResult, width: int) -> Iterator[Line]:
    """The lesson from each initial row; nothing where none was asked for."""
    if not result.values:
        return
    yield heading(f"initial values: before the first step and after {result.steps}")
    several = len({one.variant for one in result.values}) > 1
    names = ("values", "variant") if several else ("values",)
    rows: list[Cells] = [(*names, "loss", "after", "due", "elsewhere", "text", "after", "alive")]
    for one in result.values:
        losses = (one.loss_before, one.loss_after, one.before.text_loss, one.after.text_loss)
        first, last, text, cost = (f"{number:.3f}" for number in losses)
        due = (real(one.after.where_due), real(one.after.elsewhere))
        own = (_short(one.values), one.variant)[: len(names)]
        rows.append((*own, first, last, *due, text, cost, "yes" if one.alive else "NO"))
    yield from table(rows, width, left=len(names))
    for values, source in {one.values: one.source for one in result.values}.items():
        yield from say(f"{_short(values)}: {visible(source)}", width)
    yield from say(
        "loss: of the lesson's held-out sentences, nats a token; due, elsewhere: probability of the token "
        "after the last step; text: loss on ordinary text; all from the same batches, at the rate above",
        width,
    )
    yield Line("")


def _short(values: str) -> str:
    shown = visible(values)
    return shown if len(shown) <= _NAME else f"{shown[: _NAME - 1]}…"


def _variant_cells(variant: Variant) -> Cells:
    return (
        variant.name,
        f"{variant.learning_rate:g}",
        f"{variant.weight_decay:g}",
        real(variant.after.where_due),
        f"{100 * variant.after.first_choice:.0f}%",
        real(variant.after.elsewhere),
        real(variant.loss_last),
    )


def _drift_cells(variant: Variant, drift: Drift) -> Cells:
    return (
        variant.name,
        drift.group if drift.matrix == "both" else f"{drift.group} {drift.matrix}",
        f"{drift.changed:,}/{drift.rows:,}",
        real(drift.relative),
        f"{drift.norm_ratio:.5f}",
        cosine(drift.cosine),
        cosine(drift.common_direction),
    )
