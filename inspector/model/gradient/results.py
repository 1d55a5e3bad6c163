"""What the gradient probe measures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.frozen import record
from rowscope.inspector.model.results import ProbeResult


@record
class RowGradients:
    """Gradient of the rows of one group of one matrix.

    Attributes:
        nonzero: elements that are not 0; `nonzero_rows` rows that have one.
        mean, std: over all elements; `std` with n - 1, as torch prints it.
        norm_mean, norm_median, norm_max: of the row norms.
        norm_total: norm of the whole group.
        pairwise_cosine: mean cosine over all pairs of rows that are not zero: 1 = all move one way.
    """

    group: str
    rows: int
    elements: int
    nonzero: int
    nonzero_rows: int
    all_zero: bool
    mean: float
    std: float
    norm_mean: float
    norm_median: float
    norm_max: float
    norm_total: float
    pairwise_cosine: float


@record
class RowNorm:
    """Norm of one row's gradient, and what the row is in the experiment: "target", "input" or "largest"."""

    id: int
    role: str
    norm: float


@record
class GradientPart:
    """One summand of the gradient.

    Attributes:
        part: "ordinary text" (positions whose context and target are used tokens), "reserved target"
            (positions that should predict a probed id), "reserved input" (positions with a probed id in
            their context), or "all" (their sum, computed in a backward pass of its own).
        path: "input" (through the embedding look-up), "output" (through the logits), or "both".
        loss: what these positions contribute to the loss, in nats.
        groups: "used", "reserved" (or "untrained", "given"), of these "target" (the row to be predicted),
            "read" (those that the model reads), and "others".
        rows: norms of the rows that take part, and the largest ones.
        norms: of all rows, float64 [rows], of a whole gradient; None of a part. Not in the JSON.
    """

    part: str
    path: str
    positions: int
    loss: float
    groups: tuple[RowGradients, ...]
    rows: tuple[RowNorm, ...]
    norms: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    def find(self, group: str) -> RowGradients | None:
        return next((g for g in self.groups if g.group == group), None)


@record
class Agreement:
    """The output path's gradient against (1/T) sum_t (p_t - y_t) h_t.

    Attributes:
        max_error: largest difference of an element, relative to the largest element.
        post_processed: the logits are not the head's own products (a soft cap or a scale follows), whose
            derivative then multiplies p - y.
        target_coefficient: sum_t of that factor for the target's row, near -1/T: the pull towards h.
        other_coefficient: median of its size for the other probed rows: p_i / T.
        hidden_norm: norm of h at the position that has the target.
    """

    max_error: float
    post_processed: bool
    target_coefficient: float
    other_coefficient: float
    hidden_norm: float


@record
class Experiment:
    """One sequence and the gradient of its mean cross-entropy.

    Attributes:
        name: "study" (the original setting) or "carrier" (a sentence with a probed id inside it, and
            another one to be predicted at its end: all three parts occur).
        inputs: ids that the model (the encoder, where there is one) reads.
        labels: of an encoder-decoder's decoder; () elsewhere.
        targets: the id that each position should predict, -1 for none.
        target: the probed id among them.
        loss: mean over the positions, in nats, in the model's dtype.
        loss_of_transformers: the same from the model's own loss, which computes in float32; NaN where
            the model gives none.
        whole: by matrix ("input" and "output", or "both" where tied).
        parts: by part and path.
        closure: largest element of whole - sum of parts, relative to the largest element of whole.
    """

    name: str
    inputs: tuple[int, ...]
    labels: tuple[int, ...]
    targets: tuple[int, ...]
    target: int
    loss: float
    loss_of_transformers: float
    whole: tuple[GradientPart, ...]
    parts: tuple[GradientPart, ...]
    closure: float
    agreement: Agreement

    def find(self, part: str, path: str) -> GradientPart | None:
        return next((p for p in (*self.whole, *self.parts) if (p.part, p.path) == (part, path)), None)


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientResult(ProbeResult):
    """Result of `gradient`."""

    probe: ClassVar[str] = "gradient"

    experiments: tuple[Experiment, ...]

    def find(self, name: str) -> Experiment | None:
        return next((e for e in self.experiments if e.name == name), None)

    def to_dict(self, *, exit_code: int = 0, timings: bool = False) -> dict[str, Any]:
        """As of every probe; the norms of all rows are for figures."""
        bare = [
            replace(one, whole=tuple(replace(part, norms=None) for part in one.whole))
            for one in self.experiments
        ]
        printed = replace(self, experiments=tuple(bare))
        found = super(GradientResult, printed).to_dict(exit_code=exit_code, timings=timings)
        for experiment in found["results"]["experiments"]:
            for part in (*experiment["whole"], *experiment["parts"]):
                del part["norms"]
        return found
