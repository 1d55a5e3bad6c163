"""Running sums over the outputs of many inputs, so that no batch is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rowscope.inspector.model.forward.results import Divergence, LogitStats
from rowscope.inspector.model.results import Summary

NAN = float("nan")


def summary(values: list[float]) -> Summary:
    """Mean, least and greatest of the finite values."""
    known = [value for value in values if math.isfinite(value)]
    return Summary(sum(known) / len(known), min(known), max(known)) if known else Summary(NAN, NAN, NAN)


@dataclass
class Moments:
    """Count, sum, sum of squares, least and greatest of float64 numbers."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    least: float = math.inf
    greatest: float = -math.inf

    def add(self, values: Any) -> None:  # noqa: ANN401 - float64 tensor
        if not values.numel():
            return
        self.count += values.numel()
        self.total += float(values.sum())
        self.squares += float((values * values).sum())
        self.least = min(self.least, float(values.min()))
        self.greatest = max(self.greatest, float(values.max()))

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else NAN

    @property
    def std(self) -> float:
        """With n - 1."""
        if self.count < 2:
            return NAN
        return math.sqrt(max(self.squares - self.count * self.mean**2, 0.0) / (self.count - 1))


@dataclass
class LogitTally:
    """Logits at the position read, batch by batch.

    `subjects` and `used` are int64 tensors of output columns on the logits' device.
    """

    subjects: Any
    used: Any
    chosen: Moments = field(default_factory=Moments)
    others: Moments = field(default_factory=Moments)
    spreads: list[float] = field(default_factory=list)
    percentiles: list[float] = field(default_factory=list)
    mass: list[float] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)
    tops: list[int] = field(default_factory=list)
    best: int = 0
    variation: float = 0.0
    first_p: Any = None
    sum_p: Any = None

    def add(self, logits: Any) -> None:  # noqa: ANN401 - tensor
        """Take in finite float64 logits [batch, vocabulary]."""
        if not logits.shape[0]:
            return
        log_p = logits.log_softmax(-1)
        p = log_p.exp()
        self.entropies += (-(p * log_p.clamp_min(-1e300)).sum(-1)).tolist()
        self.tops += logits.argmax(-1).tolist()
        if self.sum_p is None:
            self.first_p, self.sum_p = p[0].clone(), p.sum(0)
        else:
            self.sum_p += p.sum(0)
        self.variation = max(self.variation, float((p - self.first_p).abs().sum(-1).max()) / 2)
        self.others.add(logits[:, self.used])
        if self.subjects.numel():
            self._subjects(logits, p)

    def _subjects(self, logits: Any, p: Any) -> None:  # noqa: ANN401 - tensors
        import torch

        chosen = logits[:, self.subjects].contiguous()
        self.chosen.add(chosen)
        self.mass += p[:, self.subjects].sum(-1).tolist()
        if chosen.shape[1] > 1:
            self.spreads += chosen.std(-1).tolist()
        best = 1 + int((logits > chosen.amax(-1, keepdim=True)).sum(-1).min())
        self.best = min(self.best or best, best)
        others = logits[:, self.used].sort(-1).values
        if others.shape[1]:
            lower = torch.searchsorted(others, chosen, right=False)
            upper = torch.searchsorted(others, chosen, right=True)
            self.percentiles += (50.0 * (lower + upper) / others.shape[1]).mean(-1).tolist()

    def stats(self) -> LogitStats | None:
        """None where no finite row came, or no probed id has an output column."""
        if not self.chosen.count:
            return None
        return LogitStats(
            mean=self.chosen.mean,
            std=self.chosen.std,
            min=self.chosen.least,
            max=self.chosen.greatest,
            spread=summary(self.spreads).mean,
            used_mean=self.others.mean,
            used_std=self.others.std,
            percentile=summary(self.percentiles).mean,
            best_rank=self.best,
            mass=summary(self.mass).mean,
        )

    def divergence(self, hidden_cosine: float) -> Divergence:
        """How far the distributions taken in lie apart."""
        inputs = len(self.entropies)
        if not inputs:
            return no_divergence(0, hidden_cosine)
        mean = self.sum_p / inputs
        entropy = float(-(mean * mean.clamp_min(1e-300).log()).sum())
        # Rounding can leave it a hair below 0.
        nats = max(entropy - sum(self.entropies) / inputs, 0.0)
        same = int(np.unique(self.tops, return_counts=True)[1].max()) / inputs
        return Divergence(inputs, nats, math.exp(nats), self.variation, same, hidden_cosine)


def no_divergence(inputs: int, hidden_cosine: float) -> Divergence:
    """For a model that gives no probabilities."""
    return Divergence(inputs, NAN, NAN, NAN, NAN, hidden_cosine)


@dataclass
class HiddenTally:
    """Norms of the hidden states at one position by layer, and the directions of the last ones."""

    norms: list[list[float]] = field(default_factory=list)
    unit_sum: Any = None
    units: int = 0

    def add(self, states: list[Any]) -> None:
        """Take in finite float64 states [batch, d], one for each layer."""
        import torch

        if not states or not states[0].shape[0]:
            return
        self.norms = self.norms or [[] for _ in states]
        for norms, state in zip(self.norms, states, strict=True):
            norms += torch.linalg.vector_norm(state, dim=-1).tolist()
        last = states[-1]
        lengths = torch.linalg.vector_norm(last, dim=-1, keepdim=True)
        total = (last[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]).sum(0)
        self.unit_sum = total if self.unit_sum is None else self.unit_sum + total
        self.units += int((lengths > 0).sum())

    @property
    def layers(self) -> tuple[Summary, ...]:
        return tuple(summary(norms) for norms in self.norms)

    @property
    def cosine(self) -> float:
        """Mean cosine over all pairs: (|sum of unit vectors|^2 - n) / (n (n - 1))."""
        n = self.units
        return (float(self.unit_sum @ self.unit_sum) - n) / (n * (n - 1)) if n > 1 else NAN
