"""What the leak probe measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rowscope.inspector.model.results import ProbeResult


@dataclass(frozen=True, slots=True)
class LeakCell:
    """Probability mass on the probed ids at one temperature under one filter.

    Attributes:
        filter: "none", "top_k", "top_p", "min_p" or "mask".
        mean, median, max: over the positions of all prompts.
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


@dataclass(frozen=True, slots=True)
class PromptLeak:
    """One prompt without filter, at the temperature nearest 1: mean and largest mass over its positions."""

    name: str
    tokens: int
    mean: float
    max: float


@dataclass(frozen=True, slots=True)
class TopId:
    """A probed id and its mean probability at the temperature nearest 1, without filter."""

    id: int
    token: str | None
    text: str | None
    mean: float


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about it.

    Attributes:
        code: "mask" (probed ids come up at temperature 1 or below), "mask-when-hot" (only above),
            "optional" (at no temperature measured).
        from_temperature: the lowest temperature measured at which one of them is expected within a million
            tokens, without filter; None for "optional".
    """

    code: str
    from_temperature: float | None
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class LeakResult(ProbeResult):
    """Result of `leak`.

    Attributes:
        positions: next-token distributions measured.
        filters: the settings of each filter.
        cells: temperatures x filters.
        mask_ratio_error: largest change that the mask makes to log(p_i / p_j) of two other ids, at the
            temperature nearest 1.
        smallest_gap: smallest distance, over positions, of the best probed logit to the best of all;
            0 where a probed id is the most likely token.
    """

    probe: ClassVar[str] = "leak"

    positions: int
    filters: Mapping[str, float]
    cells: tuple[LeakCell, ...]
    prompts: tuple[PromptLeak, ...]
    top_ids: tuple[TopId, ...]
    mask_ratio_error: float
    smallest_gap: float
    advice: Advice

    def find(self, temperature: float, filter: str = "none") -> LeakCell | None:
        return next((c for c in self.cells if (c.temperature, c.filter) == (temperature, filter)), None)
