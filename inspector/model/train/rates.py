"""All variants, each at a learning rate that leaves the model alive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rowscope.inspector.model.results import Progress
from rowscope.inspector.model.train.claim_row import write_back
from rowscope.inspector.model.train.plan import ONE_ROW, Plan
from rowscope.inspector.model.train.results import Tried, Variant

RATES: Final = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5)
ROW_RATES: Final = (3e-2, 1e-2, 3e-3, 1e-3)
"""Tried from the highest down, for all weights and for one row, until one leaves the model alive."""


def run_all(
    plan: Plan,
    variants: Sequence[str],
    rate: float | None,
    parameters: list[Any],
    copies: list[Any],
    progress: Progress,
) -> tuple[tuple[Variant, ...], tuple[Tried, ...]]:
    """Every variant from the same weights, which are put back after each.

    Args:
        rate: None to find one, once for what trains the whole model and once for what trains one row.
    """
    start = {id(p): copy for p, copy in zip(parameters, copies, strict=True)}
    found: dict[bool, float] = {}
    done: list[Variant] = []
    tried: list[Tried] = []
    for name in variants:
        alike = name in ONE_ROW
        known = found.get(alike, rate)
        ladder = (ROW_RATES if alike else RATES) if known is None else (known,)
        for each in ladder:

            def step(at: int, name: str = name, each: float = each) -> None:
                if progress is not None:
                    whole = len(variants) * plan.steps
                    progress(f"train {name}, rate {each:g}", len(done) * plan.steps + at, whole)

            # The last one is taken as it is: then the result says that it costs the model its language.
            outcome = plan.run(name, each, start, step, trial=each != ladder[-1])
            write_back(parameters, copies)
            if isinstance(outcome, Variant):
                done.append(outcome)
                found[alike] = each
                break
            tried.append(outcome)
    return tuple(done), tuple(tried)
