"""What the train probe measures."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar, Self

from rowscope.inspector.frozen import record
from rowscope.inspector.model.results import ProbeResult


@record
class Drift:
    """How rows of one matrix moved between the first and the last step.

    Attributes:
        matrix: "input", "output" or "both" (tied).
        group: "new" (the claimed row), "reserved" (all other probed rows) or "used" (trained used rows).
        changed: rows with any changed bit.
        relative: mean of |after - before| / |before| over the rows; `relative_max` the largest.
        norm_ratio: mean of |after| / |before|: below 1 = shrinking.
        cosine: mean cosine of a row to itself before: 1 = direction kept.
        common_direction: mean pairwise cosine of the movements: 1 = all rows move one way. NaN for
            fewer than two rows that moved.
    """

    matrix: str
    group: str
    rows: int
    changed: int
    relative: float
    relative_max: float
    norm_ratio: float
    cosine: float
    common_direction: float


@record
class Measured:
    """The model on held-out items.

    Attributes:
        where_due: mean probability of the new token where it belongs (a number follows).
        elsewhere: the same where a word follows.
        after_it: mean probability of the token that follows the new one (the number's first).
        first_choice: share of the places where it belongs at which it is the most likely token.
        text_loss: mean cross-entropy on ordinary text that is no part of the lesson, in nats a token.
        prompts_loss: the same on the built-in prompts of the leak probe, in many languages.
    """

    where_due: float
    elsewhere: float
    after_it: float
    first_choice: float
    text_loss: float
    prompts_loss: float


@record
class Variant:
    """One way to train, from the same start.

    Attributes:
        name: see `VARIANTS`. trained: what the optimiser may change, in words.
        trainable: elements that it may change.
        learning_rate: of AdamW.
        alive: whether the loss on ordinary text rose by at most `ordinary.ALIVE` nats.
        loss_first, loss_last: mean cross-entropy of the first and of the last step, in nats.
        decay_factor: (1 - learning rate x weight decay)^steps, the shrinking that AdamW gives to a row
            without gradient.
        seconds_per_step: median over the steps after the first.
    """

    name: str
    trained: str
    weight_decay: float
    learning_rate: float
    alive: bool
    trainable: int
    before: Measured
    after: Measured
    loss_first: float
    loss_last: float
    decay_factor: float
    drift: tuple[Drift, ...]
    seconds_per_step: float = field(compare=False)

    def find(self, group: str, role: str = "output") -> Drift | None:
        """Drift of a group in the matrix that has a role."""
        return next((d for d in self.drift if d.group == group and d.matrix in (role, "both")), None)


@record
class Tried:
    """A learning rate that was given up: the loss on ordinary text rose too far.

    Attributes:
        variant: that was being trained. steps: after which it was given up.
        text_loss: mean cross-entropy on ordinary text by then, in nats a token.
    """

    variant: str
    learning_rate: float
    steps: int
    text_loss: float


@record
class Started:
    """The lesson from one initial row: the same batches at the same rate as from every other.

    Attributes:
        values: what the row was made by, as `rowscope claim --values` takes it; source: the same in words.
        variant, learning_rate: how it was trained.
        alive: as in `Variant`, against the loss before its first step.
        loss_before, loss_after: mean cross-entropy of the lesson's held-out sentences before the first step
            and after the last, in nats a token.
        loss_first, loss_last: of the first and of the last step's batch.
    """

    values: str
    source: str
    variant: str
    learning_rate: float
    alive: bool
    loss_before: float
    loss_after: float
    loss_first: float
    loss_last: float
    before: Measured
    after: Measured


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainResult(ProbeResult):
    """Result of `train`.

    Attributes:
        token: what the new token is called; id: the slot that it took, in memory only.
        learning_rate: that of the first variant.
        tried: higher rates that cost the model its language, where the rate was left to the probe.
        started_rows: how many trained used rows its row was filled with the mean of.
        unclaimed: the slot on the held-out items as it is stored, before its row was filled.
        values: the lesson from each initial row that was asked for; empty without.
    """

    probe: ClassVar[str] = "train"

    token: str
    id: int
    started_rows: int
    steps: int
    batch: int
    learning_rate: float
    tried: tuple[Tried, ...]
    unclaimed: Measured
    variants: tuple[Variant, ...]
    values: tuple[Started, ...] = ()

    def untimed(self) -> Self:
        timeless = (dataclasses.replace(one, seconds_per_step=float("nan")) for one in self.variants)
        return dataclasses.replace(self, variants=tuple(timeless))

    def find(self, name: str) -> Variant | None:
        return next((v for v in self.variants if v.name == name), None)
