"""Policy-gradient steps of the leak probe, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.model import PolicyCell, PolicyResult, PolicyVariant
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.probe.parts import Cells, heading, say, table
from rowscope.inspector.text import count, real

_PLACES: Final = {
    "rollouts": "the model's own text",
    "prompts": "prompts, positions with context",
    "first": "prompts, position 0",
}


def policy_lines(result: PolicyResult, width: int) -> Iterator[Line]:
    """Masses before and after, by place and by temperature, beside the formula's; then what to do."""
    first = result.variants[0]
    near = min({cell.temperature for cell in first.cells}, key=lambda t: abs(t - 1.0))
    yield heading(
        f"after {count(result.steps)} policy-gradient steps: {result.optimizer} at {result.learning_rate:g}, "
        f"advantage {result.advantage:g}"
    )
    yield from say(
        f"trained: {result.trained}; on text sampled once, at temperature {result.temperature:g}; mass near "
        "temperature 1, without filter or mask",
        width,
    )
    for scope, words in _PLACES.items():
        if first.find(0, near, scope) is not None:
            yield Line("")
            yield from _place(result, near, scope, words, width)
    yield Line("")
    yield heading("by temperature, in the model's own text")
    yield from table(_temperatures(result), width)
    yield Line("")
    yield heading("rollout and trainer")
    yield from table([_HEAD, *(_sides(variant) for variant in result.variants)], width)
    yield from say(
        "impossible: sampled tokens that the trainer gives probability 0; mismatch: largest difference of a "
        "sampled token's log-probability between the two, in nats; logit: mean movement of the probed "
        "ids' logits in the model's own text, and by the formula",
        width,
    )
    yield Line("")
    yield heading("what to do in a run")
    yield from say(result.advice.text, width)
    yield Line("")


_HEAD: Final = ("mask in", "tokens", "probed", "impossible", "mismatch", "logit", "formula")


def _place(result: PolicyResult, near: float, scope: str, words: str, width: int) -> Iterator[Line]:
    yield heading(words)
    rows: list[Cells] = [("mask in", "before", "after", "formula", "tokens until one")]
    for variant in result.variants:
        start, end = variant.find(0, near, scope), variant.find(result.steps, near, scope)
        assert start is not None
        assert end is not None
        masses = (_mass(start.mean), _mass(end.mean), _mass(end.predicted))
        rows.append((variant.mask, *masses, _tokens(end)))
    yield from table(rows, width)


def _temperatures(result: PolicyResult) -> list[Cells]:
    rows: list[Cells] = [("T", "before", *(variant.mask for variant in result.variants))]
    for temperature in dict.fromkeys(cell.temperature for cell in result.variants[0].cells):
        found = [result.variants[0].find(0, temperature)]
        found += [variant.find(result.steps, temperature) for variant in result.variants]
        rows.append((f"{temperature:g}", *(_mass(cell.mean) for cell in found if cell is not None)))
    return rows


def _sides(variant: PolicyVariant) -> Cells:
    move = variant.logits[-1]
    moves = (f"{move.measured:.3g}", f"{move.predicted:.3g}")
    numbers = map(count, (variant.tokens, variant.sampled, variant.impossible))
    return (variant.mask, *numbers, real(variant.mismatch), *moves)


def _mass(value: float) -> str:
    """Six figures: a few steps change the fourth."""
    return f"{value:.5e}" if value else "0"


def _tokens(cell: PolicyCell) -> str:
    if cell.expected_tokens == float("inf"):
        return "never"
    return count(round(cell.expected_tokens)) if cell.expected_tokens < 1e12 else real(cell.expected_tokens)
