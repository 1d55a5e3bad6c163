"""Probability masses of many positions under every temperature and filter, block by block."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.model.leak.filters import Filters, mask_mass, masses, ratio_change, sort_logits
from rowscope.inspector.model.leak.results import LeakCell
from rowscope.inspector.model.suppress import SuppressReserved

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FILTERS: Final = ("none", "top_k", "top_p", "min_p", "mask")


@dataclass
class MassTally:
    """Masses on the ids `ids` at every position taken in so far.

    Attributes:
        by_id: float64 [ids], each id's probability summed over the positions, at `near_one`.
        ratio_error, gap: see `LeakResult`.
    """

    ids: NDArray[np.int64]
    temperatures: tuple[float, ...]
    filters: Filters
    found: dict[tuple[float, str], list[float]] = field(default_factory=dict)
    by_id: Any = None
    ratio_error: float = 0.0
    gap: float = float("inf")

    def __post_init__(self) -> None:
        self.mask = SuppressReserved(self.ids.tolist())

    @property
    def near_one(self) -> float:
        """The temperature nearest 1."""
        return min(self.temperatures, key=lambda t: abs(t - 1.0))

    @property
    def positions(self) -> int:
        return len(self.found.get((self.near_one, "none"), ()))

    def add(self, logits: Any) -> None:  # noqa: ANN401 - tensor
        """Take in float64 logits [positions, vocabulary].

        Raises:
            RefusedError: (NOT_FINITE) there is a NaN among them.
        """
        import torch

        bad = int((logits.isnan() | logits.isposinf()).any(-1).sum())
        if bad:
            raise RefusedError(
                f"at {bad:,} of {logits.shape[0]:,} positions the logits are not finite: no probability can "
                "be told; `rowscope audit` names rows that are not finite, and float16 overflows where "
                "--dtype float32 does not",
                location="logits",
                code="NOT_FINITE",
            )
        chosen = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
        chosen[torch.as_tensor(self.ids, device=logits.device)] = True
        rows = sort_logits(logits, chosen)
        hidden = self.mask(None, logits)
        for temperature in self.temperatures:
            found = masses(rows, temperature, self.filters)
            found["mask"] = mask_mass(hidden, chosen, temperature)
            for name, values in found.items():
                self.found.setdefault((temperature, name), []).extend(values.tolist())
        self.ratio_error = max(self.ratio_error, ratio_change(logits, hidden, chosen, self.near_one))
        p = (logits / self.near_one).softmax(-1)[:, chosen].sum(0)
        self.by_id = p if self.by_id is None else self.by_id + p
        self.gap = min(self.gap, float((logits.amax(-1) - logits[:, chosen].amax(-1)).min()))

    def masses(self) -> Floats:
        """Without filter, at `near_one`: one for each position."""
        return np.asarray(self.found.get((self.near_one, "none"), ()), dtype=np.float64)

    def cells(self, chosen: Flags | None = None) -> tuple[LeakCell, ...]:
        """Every temperature with every filter, over the positions `chosen`; () where there is none."""
        if not self.positions or (chosen is not None and not chosen.any()):
            return ()
        return tuple(
            _cell(temperature, name, np.asarray(self.found[temperature, name]), chosen)
            for temperature in self.temperatures
            for name in FILTERS
        )


def _cell(temperature: float, name: str, values: Floats, chosen: Flags | None) -> LeakCell:
    values = values if chosen is None else values[chosen]
    mean = float(values.mean())
    return LeakCell(
        temperature=temperature,
        filter=name,
        mean=mean,
        median=float(np.median(values)),
        max=float(values.max()),
        positions=float(np.mean(values > 0)),
        expected_tokens=1.0 / mean if mean > 0 else float("inf"),
    )
