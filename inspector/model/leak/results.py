"""What the leak probe measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rowscope.inspector.frozen import record
from rowscope.inspector.model.policy.results import PolicyResult
from rowscope.inspector.model.results import ProbeResult


@record
class LeakCell:
    """Probability mass on the probed ids at one temperature under one filter.

    Attributes:
        filter: "none", "top_k", "top_p", "min_p" or "mask".
        mean, median, max: over the positions that were taken together.
        positions: share of positions (0 to 1) where a probed id can be sampled at all (mass above 0).
        expected_tokens: 1 / mean: how many tokens one samples on average until the first probed one, if
            every token is drawn at the mean mass; infinite where the mean is 0.
    """

    temperature: float
    filter: str
    mean: float
    median: float
    max: float
    positions: float
    expected_tokens: float


@record
class PromptLeak:
    """One prompt without filter, at the temperature nearest 1.

    Attributes:
        mean, max: over all its positions.
        first: at position 0, where the model has seen a single token.
        in_context: mean over the positions behind it; NaN where there are none.
    """

    name: str
    tokens: int
    mean: float
    max: float
    first: float
    in_context: float


@record
class PositionLeak:
    """Mass at positions `start` to `stop` - 1 of all prompts, without filter, near temperature 1."""

    start: int
    stop: int
    positions: int
    mean: float
    max: float


@record
class RolloutLeak:
    """What the model wrote itself behind one prompt.

    Attributes:
        name: the prompt's. prompt_tokens: tokens read before the first one was sampled.
        ids: the ids sampled, a stop token or probed id at the end included.
        sampled: how many of them are probed ids (a rollout ends with the first).
        mean, max: mass on the probed ids where each was drawn, without filter, at the temperature nearest 1.
    """

    name: str
    prompt_tokens: int
    ids: tuple[int, ...]
    sampled: int
    mean: float
    max: float


@record
class Rollouts:
    """The model's own text, sampled without a filter: what users sample.

    Attributes:
        temperature: that they were sampled at.
        chat_template: whether each prompt was asked as a user's question in the checkpoint's template.
        positions: tokens sampled; sampled: how many of them were probed ids.
        cells: temperatures x filters, at the positions where those tokens were drawn.
    """

    temperature: float
    chat_template: bool
    positions: int
    sampled: int
    cells: tuple[LeakCell, ...]
    prompts: tuple[RolloutLeak, ...]


@record
class TopId:
    """A probed id and its mean probability at the temperature nearest 1, without filter."""

    id: int
    token: str | None
    text: str | None
    mean: float


@record
class Advice:
    """What to do about it.

    Attributes:
        code: "mask" (probed ids come up at temperature 1 or below), "mask-when-hot" (only above),
            "optional" (at no temperature measured).
        from_temperature: the lowest temperature measured at which one of them is expected within a million
            tokens, without filter; None for "optional".
        basis: where that was measured: "prompts" (positions with context), "rollouts", or, for prompts of a
            single token each, "all".
        expected_tokens: tokens until the first one there; for "optional" at the hottest temperature.
    """

    code: str
    from_temperature: float | None
    text: str
    basis: str
    expected_tokens: float


@dataclass(frozen=True, kw_only=True, eq=False)
class LeakResult(ProbeResult):
    """Result of `leak`.

    Attributes:
        positions: next-token distributions measured, over all prompts.
        filters: the settings of each filter.
        cells: temperatures x filters, over all positions.
        first: the same over the first position of each prompt, where the model has seen one token and has no
            context; () for an encoder-decoder, whose encoder has read the whole prompt by then.
        in_context: the same over the other positions; () where there are none.
        first_share: share of the mass at all positions that lies at the first ones, without filter, at the
            temperature nearest 1; NaN where there is no mass.
        by_position: the mass by position.
        rollouts: None where none were asked for, or the model could not be sampled from (a note says why).
        mask_ratio_error: largest change that the mask makes to log(p_i / p_j) of two other ids, at the
            temperature nearest 1.
        smallest_gap: smallest distance, over positions, of the best probed logit to the best of all;
            0 where a probed id is the most likely token.
        policy: policy-gradient steps on the rollouts; None where none were asked for.
    """

    probe: ClassVar[str] = "leak"

    positions: int
    filters: Mapping[str, float]
    cells: tuple[LeakCell, ...]
    first: tuple[LeakCell, ...]
    in_context: tuple[LeakCell, ...]
    first_share: float
    by_position: tuple[PositionLeak, ...]
    prompts: tuple[PromptLeak, ...]
    rollouts: Rollouts | None
    top_ids: tuple[TopId, ...]
    mask_ratio_error: float
    smallest_gap: float
    advice: Advice
    policy: PolicyResult | None = None

    def scope(self, name: str) -> tuple[LeakCell, ...]:
        """The cells of "all", "first", "prompts" (positions with context) or "rollouts"."""
        scopes = {"all": self.cells, "first": self.first, "prompts": self.in_context}
        scopes["rollouts"] = self.rollouts.cells if self.rollouts else ()
        return scopes[name]

    def find(self, temperature: float, filter: str = "none", scope: str = "all") -> LeakCell | None:
        """The cell of a temperature and filter in a scope, see `scope`."""
        found = self.scope(scope)
        return next((c for c in found if (c.temperature, c.filter) == (temperature, filter)), None)
