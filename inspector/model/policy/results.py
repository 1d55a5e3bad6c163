"""What policy-gradient steps did to the mass on the probed ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rowscope.inspector.errors import UsageError, unknown_value
from rowscope.inspector.frozen import record

OPTIMIZERS: Final = ("adamw", "sgd")
MASKS: Final = {
    "none": (False, False),
    "rollout": (True, False),
    "trainer": (False, True),
    "both": (True, True),
}
"""Where the mask is: its name, then whether the rollout and the trainer have it."""


@record
class Policy:
    """Policy-gradient steps to take.

    Attributes:
        steps: how many. learning_rate: of the optimiser.
        advantage: A of every sampled token; below 0 it makes the sampled text less likely.
        optimizer: "adamw" (betas 0.9 and 0.999, eps 1e-8, no decay: what trainers use) or "sgd" (the plain
            gradient: the formula itself).

    Raises:
        UsageError: a number or name that makes no sense.
    """

    steps: int = 8
    learning_rate: float = 1e-6
    advantage: float = -1.0
    optimizer: str = "adamw"

    def __post_init__(self) -> None:
        finite = abs(self.advantage) < float("inf") and self.advantage != 0
        for name, value, good, wanted in (
            ("--rl-steps", self.steps, self.steps >= 1, "at least 1"),
            ("--rl-lr", self.learning_rate, 0 < self.learning_rate < float("inf"), "a number above 0"),
            ("--advantage", self.advantage, finite, "a finite number other than 0, such as -1"),
        ):
            if not good:
                raise UsageError(f"{name} {value}: give {wanted}", location=name)
        if self.optimizer not in OPTIMIZERS:
            raise unknown_value("--rl-optimizer", self.optimizer, OPTIMIZERS)


@record
class PolicyCell:
    """Mass on the probed ids after some steps, without filter or mask.

    Attributes:
        step: steps taken so far, 0 for the model as it is.
        scope: "first" (position 0 of the prompts), "prompts" (their other positions), "rollouts" (the
            model's own text).
        mean, max: over the scope's positions. expected_tokens: 1 / mean; infinite where the mean is 0.
        predicted: `mean` by the formula, to first order in the steps.
    """

    step: int
    scope: str
    temperature: float
    mean: float
    max: float
    expected_tokens: float
    predicted: float


@record
class LogitMove:
    """How far the logits of the probed ids moved: mean over ids and over the scope's positions, in nats.

    Attributes:
        predicted: by the formula, to first order in the steps.
    """

    step: int
    scope: str
    measured: float
    predicted: float


@record
class PolicyVariant:
    """The steps with the mask in one place, in both or in none, from the same weights.

    Attributes:
        mask: a name of `MASKS`.
        tokens: that were sampled and trained on. sampled: how many of them are probed ids.
        impossible: how many of them the trainer gives probability 0, so that its loss is infinite; they are
            left out of the steps.
        mismatch: largest difference, in nats, of a sampled token's log-probability between trainer and
            rollout, before the first step; infinite where one is impossible.
        losses: -A mean log p(token) of each step, in nats.
    """

    mask: str
    tokens: int
    sampled: int
    impossible: int
    mismatch: float
    losses: tuple[float, ...]
    cells: tuple[PolicyCell, ...]
    logits: tuple[LogitMove, ...]

    def find(self, step: int, temperature: float = 1.0, scope: str = "rollouts") -> PolicyCell | None:
        return next(
            (c for c in self.cells if (c.step, c.temperature, c.scope) == (step, temperature, scope)), None
        )

    def move(self, step: int, scope: str = "rollouts") -> LogitMove | None:
        return next((m for m in self.logits if (m.step, m.scope) == (step, scope)), None)


@record
class PolicyAdvice:
    """What the steps say about masking in a run of reinforcement learning.

    Attributes:
        code: "mask-both" (the steps raise the mass, and a mask in the trainer prevents that; or a probed id
            was sampled), or "as-sampling" (neither: what is advised for sampling holds).
        before, after: mass in the model's own text at the temperature nearest 1, without a mask.
        masked: `after` with the mask in rollout and trainer.
        per_step: ln of the mass without a mask minus ln of it with one in the trainer, on the same text,
            divided by the steps: what their gradient gives the probed rows, in nats a step.
        tenfold_steps: ln(10) / `per_step`; infinite where that is not above 0.
    """

    code: str
    before: float
    after: float
    masked: float
    per_step: float
    tenfold_steps: float
    text: str


@record
class PolicyResult:
    """Policy-gradient steps in four variants; see `policy_steps`.

    Attributes:
        trained: what the optimiser changes, in words. elements: how many numbers that is.
        temperature: of the rollouts.
    """

    steps: int
    learning_rate: float
    advantage: float
    optimizer: str
    trained: str
    elements: int
    temperature: float
    variants: tuple[PolicyVariant, ...]
    advice: PolicyAdvice

    def find(self, mask: str) -> PolicyVariant:
        return next(variant for variant in self.variants if variant.mask == mask)


def measured_steps(steps: int, most: int = 10) -> tuple[int, ...]:
    """After which steps the mass is measured: all of them, or `most` evenly spaced, and before the first."""
    spread: Iterable[int] = range(steps + 1)
    if steps > most:
        spread = (round(at * steps / most) for at in range(most + 1))
    return tuple(sorted(set(spread)))
