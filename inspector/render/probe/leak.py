"""The leak probe's result for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rowscope.inspector.model import LeakCell, LeakResult, Rollouts
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.probe.parts import Cells, heading, say, table
from rowscope.inspector.render.probe.policy import policy_lines
from rowscope.inspector.text import count, real, visible

_FILTERS: Final = ("none", "top_k", "top_p", "min_p", "mask")


def leak_lines(result: LeakResult, width: int) -> Iterator[Line]:
    """What was measured where, and what to do."""
    cells, places = result.in_context or result.cells, result.positions
    if result.first and result.in_context:
        places -= len(result.prompts)
        yield heading(f"probability mass on the probed ids, mean over {count(places)} positions with context")
    else:
        yield heading(f"probability mass on the probed ids, mean over {count(places)} positions")
    yield from table(_temperatures(cells, result), width)
    yield from say(f"the mask changes no other ratio: {real(result.mask_ratio_error)} of log(p / q)", width)
    yield Line("")
    yield from _positions(result, width)
    if result.rollouts is not None:
        yield from _rollouts(result.rollouts, result, width)
    yield from _prompts(result, width)
    yield heading("what to do")
    yield from say(result.advice.text, width)
    yield Line("")
    if result.policy is not None:
        yield from policy_lines(result.policy, width)


def _temperatures(cells: Sequence[LeakCell], result: LeakResult) -> list[Cells]:
    titles = ["without filter", *(f"{name} {result.filters[name]:g}" for name in _FILTERS[1:4]), "mask"]
    rows: list[Cells] = [("T", *titles, "tokens until one")]
    for temperature in dict.fromkeys(cell.temperature for cell in cells):
        own = {cell.filter: cell for cell in cells if cell.temperature == temperature}
        until = _tokens(own["none"].expected_tokens)
        rows.append((f"{temperature:g}", *(real(own[name].mean) for name in _FILTERS), until))
    return rows


def _positions(result: LeakResult, width: int) -> Iterator[Line]:
    yield heading("by position, near temperature 1, without filter")
    rows: list[Cells] = [("position", "measured", "mean", "largest")]
    for part in result.by_position:
        where = f"{part.start}" if part.stop == part.start + 1 else f"{part.start} to {part.stop - 1}"
        rows.append((where, count(part.positions), real(part.mean), real(part.max)))
    yield from table(rows, width)
    if result.first and result.first_share == result.first_share:
        share = f"{100 * result.first_share:.3g}%"
        yield from say(
            f"at position 0 the model has read a single token and has no context: {share} of all mass on "
            "these prompts lies there; the table above and the advice leave it out",
            width,
        )
    yield Line("")


def _rollouts(rollouts: Rollouts, result: LeakResult, width: int) -> Iterator[Line]:
    how = "answers in the chat template" if rollouts.chat_template else "continuations of the prompts"
    yield heading(f"the model's own text: {how}, {count(rollouts.positions)} tokens")
    yield from table(_temperatures(rollouts.cells, result), width)
    yield from say(
        f"sampled at temperature {rollouts.temperature:g} without filter or mask; {count(rollouts.sampled)} "
        "of the tokens drawn are probed ids; each row is the mass at the same draws",
        width,
    )
    yield Line("")


def _prompts(result: LeakResult, width: int) -> Iterator[Line]:
    yield heading("by prompt, near temperature 1, without filter")
    own = {} if result.rollouts is None else {item.name: item for item in result.rollouts.prompts}
    rows: list[Cells] = [("prompt", "tokens", "position 0", "in context", "largest", "own text")]
    for prompt in result.prompts:
        mean = own[prompt.name].mean if prompt.name in own else float("nan")
        numbers = (prompt.first, prompt.in_context, prompt.max, mean)
        shown = (real(number) if number == number else "-" for number in numbers)
        rows.append((visible(prompt.name), count(prompt.tokens), *shown))
    yield from table(rows, width)
    yield Line("")


def _tokens(expected: float) -> str:
    if expected == float("inf"):
        return "never"
    return count(round(expected)) if expected < 1e12 else real(expected)
