"""What the steps say about masking in a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from rowscope.inspector.model.policy.results import Policy, PolicyAdvice, PolicyCell, PolicyVariant

ROUNDING: Final = 1e-6
"""Nats by which the mask in the trainer must change the mass, at least, so that it is no rounding."""
_FEW: Final = 1e6


def advise_policy(policy: Policy, variants: Sequence[PolicyVariant], near: float, noun: str) -> PolicyAdvice:
    """Where to put the mask, from the mass in the model's own text at temperature `near`.

    "none" is compared with "trainer", which is trained on the same text: what the two differ by is what the
    gradient does to the probed rows.
    """
    own = {variant.mask: variant for variant in variants}
    start = _cell(own["none"], 0, near)
    end, still, masked = (_cell(own[name], policy.steps, near) for name in ("none", "trainer", "both"))
    pushed = _log(end.mean) - _log(still.mean)
    risen = pushed > ROUNDING and end.mean > start.mean
    per_step = pushed / policy.steps
    sampled = own["none"].sampled
    code = "mask-both" if risen or sampled else "as-sampling"
    return PolicyAdvice(
        code=code,
        before=start.mean,
        after=end.mean,
        masked=masked.mean,
        per_step=per_step,
        tenfold_steps=math.log(10.0) / per_step if per_step > 0 else math.inf,
        text=" ".join(_sentences(policy, own, (start, end, masked), per_step, risen, noun)),
    )


def _cell(variant: PolicyVariant, step: int, near: float) -> PolicyCell:
    found = variant.find(step, near)
    assert found is not None
    return found


def _log(mass: float) -> float:
    return math.log(max(mass, 1e-300))


def _sentences(
    policy: Policy,
    own: dict[str, PolicyVariant],
    cells: tuple[PolicyCell, PolicyCell, PolicyCell],
    per_step: float,
    risen: bool,
    noun: str,
) -> list[str]:
    start, end, masked = cells
    how = f"{policy.steps} steps of {policy.optimizer} at {policy.learning_rate:g} with advantage "
    how += f"{policy.advantage:g}"
    sampled, lost = own["none"].sampled, own["trainer"].impossible
    if risen or sampled:
        found = [f"Mask the {noun} ids in the rollout and in the trainer."]
    else:
        found = [f"These steps do not raise the mass of the {noun} ids: what sampling asks for will do."]
    if risen:
        found.append(
            f"Without a mask {how} take them from {_often(start)} to {_often(end)} in the model's own text "
            f"at temperature {start.temperature:g}; with it in both to {_often(masked)}, none of which "
            f"can be drawn. Their own rows' gradient gives them {per_step:.2g} nats a step: a factor of ten "
            f"takes {math.log(10.0) / per_step:,.0f} such steps."
        )
    else:
        found.append(
            f"{how[0].upper()}{how[1:]} take them from {_often(start)} to {_often(end)} in the model's own "
            f"text at temperature {start.temperature:g}."
        )
    if sampled:
        found.append(
            f"{sampled:,} of the {own['none'].tokens:,} tokens sampled without a mask are {noun} ids."
        )
    if lost:
        found.append("With the mask in the trainer alone the loss of those is infinite.")
    apart = own["rollout"].mismatch
    if apart > 0:
        found.append(
            f"A mask in one place alone sets the two sides' log-probabilities apart, here by up to "
            f"{apart:.2g} nats at one token: have it in both or in neither."
        )
    return found


def _often(cell: PolicyCell) -> str:
    tokens = cell.expected_tokens
    if tokens == math.inf:
        return "never"
    return f"one in {tokens:,.0f} tokens" if tokens < _FEW else f"one in {tokens:.6g} tokens"
