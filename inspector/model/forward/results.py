"""What the forward probe measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rowscope.inspector.frozen import record
from rowscope.inspector.model.results import ProbeResult, Summary


@record
class LogitStats:
    """Logits of the probed ids at the position read, over all inputs.

    Attributes:
        mean, std, min, max: over inputs x ids; `std` with n - 1.
        spread: mean over inputs of the standard deviation among the ids: near 0 when all get the same logit.
        used_mean, used_std: of the used ids at the same positions.
        percentile: mean share (0 to 100) of used ids whose logit is lower; ties count half.
        best_rank: best rank of any of them in any input, 1 = the most likely of all ids.
        mass: mean probability of all of them together.
    """

    mean: float
    std: float
    min: float
    max: float
    spread: float
    used_mean: float
    used_std: float
    percentile: float
    best_rank: int
    mass: float


@record
class Divergence:
    """Whether different inputs give different outputs.

    Attributes:
        inputs: finite inputs compared.
        js_nats: generalised Jensen-Shannon divergence of their next-token distributions,
            H(mean p) - mean H(p), in nats (Lin 1991, IEEE Trans. Inf. Theory 37(1), eq. 5.1).
        effective_outputs: exp(js_nats): 1 = all the same, `inputs` = all disjoint.
        max_total_variation: largest distance (half the L1 norm) of one of them to the first, 0 to 1.
        same_top: share of inputs whose most likely next token is the commonest one.
        hidden_cosine: mean pairwise cosine of the last hidden states at the id's own position.

    Without a head over the vocabulary all but `hidden_cosine` are NaN.
    """

    inputs: int
    js_nats: float
    effective_outputs: float
    max_total_variation: float
    same_top: float
    hidden_cosine: float


@record
class GroupForward:
    """Inputs of one group of ids in one frame.

    Attributes:
        group: "reserved" ("untrained" or "given" where something else is probed), "untrained_special" or
            "used" (a sample of trained used tokens, for comparison).
        frame: "alone" or "carrier".
        inputs: how many ids, one sequence each.
        nonfinite: sequences with a NaN or infinite logit or hidden state.
        logits_shape: of one batch.
        logits: None without a head.
        entropy: of the next-token distribution, in nats.
        layers: norm of the hidden state at the id's position: the embedding's first, then each layer's.
    """

    group: str
    frame: str
    inputs: int
    nonfinite: int
    logits_shape: tuple[int, ...] | None
    logits: LogitStats | None
    entropy: Summary | None
    layers: tuple[Summary, ...]
    divergence: Divergence


@record
class FirstFive:
    """The original study's call: the first five probed ids as one sequence, read at the last position."""

    ids: tuple[int, ...]
    finite: bool
    logits_shape: tuple[int, ...] | None
    logits: LogitStats | None
    entropy: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class ForwardResult(ProbeResult):
    """Result of `forward`. `max_entropy` is ln(output rows), in nats; None without a head."""

    probe: ClassVar[str] = "forward"

    first_five: FirstFive
    groups: tuple[GroupForward, ...]
    max_entropy: float | None

    def find(self, group: str, frame: str) -> GroupForward | None:
        """The entry of a group in a frame."""
        return next((g for g in self.groups if (g.group, g.frame) == (group, frame)), None)
