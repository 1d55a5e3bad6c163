"""What to do about the mass that was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rowscope.inspector.model.leak.results import Advice, LeakCell

_OFTEN: Final = 1e6  # tokens within which a reserved id must not be expected
_WHERE: Final = {
    "prompts": "behind the context of these prompts",
    "rollouts": "in the model's own text",
    "all": "at all positions of these prompts",
}


def advise(scopes: Mapping[str, Sequence[LeakCell]], noun: str) -> Advice:
    """The recommended action, from the masses without filter.

    Args:
        scopes: cells by what they were measured on ("prompts", "rollouts", "all"); at each temperature the
            one with the most mass decides.
    """
    plain = [(cell, name) for name, cells in scopes.items() for cell in cells if cell.filter == "none"]
    temperatures = sorted({cell.temperature for cell, _ in plain})
    worst = [max((p for p in plain if p[0].temperature == t), key=lambda p: p[0].mean) for t in temperatures]
    often = [found for found in worst if found[0].expected_tokens <= _OFTEN]
    if not often:
        hottest, name = worst[-1]
        return Advice(
            "optional",
            None,
            f"At no temperature up to {hottest.temperature:g} is a {noun} id expected within a million "
            f"tokens, {' or '.join(_WHERE[scope] for scope in scopes if scopes[scope])}; a mask changes "
            "nothing that is likely, and makes it certain.",
            name,
            hottest.expected_tokens,
        )
    first, name = often[0]
    tokens = f"one in about {first.expected_tokens:,.0f} tokens at temperature {first.temperature:g}"
    rest = f"{tokens}, {_WHERE[name]}, without a filter."
    if first.temperature <= 1.0:
        code, text = "mask", f"Mask the {noun} ids whenever you sample: {rest}"
    else:
        code = "mask-when-hot"
        text = f"Mask the {noun} ids when you sample at temperature {first.temperature:g} or above: {rest}"
    return Advice(code, first.temperature, text, name, first.expected_tokens)
