"""A gradient matrix -> numbers for each group of rows, block by block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.model.gradient.results import RowGradients, RowNorm
from rowscope.inspector.model.loading.call import float64

Ids = NDArray[np.int64]

_BLOCK: Final = 1 << 22  # elements decoded to float64 at a time
_LARGEST: Final = 5


class RowSums:
    """Per-row sums of a gradient [rows, d], and the direction of each group of rows.

    Args:
        gradient: tensor [rows, d]; None for a matrix that the loss does not reach.
        groups: int64 row ids by group name.
        shape: [rows, d].
    """

    def __init__(self, gradient: Any, groups: Mapping[str, Ids], shape: tuple[int, int]) -> None:  # noqa: ANN401
        rows, width = shape
        self.width = width
        self.nonzero = np.zeros(rows, dtype=np.int64)
        self.sum = np.zeros(rows)
        self.squares = np.zeros(rows)
        self.groups = groups
        self.units = {name: np.zeros(width) for name in groups}
        if gradient is None:
            return
        for start in range(0, rows, max(1, _BLOCK // width)):
            stop = min(rows, start + max(1, _BLOCK // width))
            self._block(float64(gradient[start:stop]).cpu().numpy(), start, stop)

    def _block(self, block: NDArray[np.float64], start: int, stop: int) -> None:
        self.nonzero[start:stop] = np.count_nonzero(block, axis=1)
        self.sum[start:stop] = block.sum(axis=1)
        self.squares[start:stop] = np.einsum("ij,ij->i", block, block)
        norms = np.sqrt(self.squares[start:stop])
        for name, ids in self.groups.items():
            index = ids[(ids >= start) & (ids < stop)] - start
            index = index[norms[index] > 0]
            self.units[name] += (1.0 / norms[index]) @ block[index]

    @property
    def norms(self) -> NDArray[np.float64]:
        return np.asarray(np.sqrt(self.squares))

    def of(self, name: str) -> RowGradients:
        """Statistics of a group."""
        ids = self.groups[name]
        elements = int(ids.size) * self.width
        total, squares = float(self.sum[ids].sum()), float(self.squares[ids].sum())
        norms = self.norms[ids]
        mean = total / elements if elements else np.nan
        variance = (squares - elements * mean**2) / (elements - 1) if elements > 1 else np.nan
        moving = int(np.count_nonzero(norms))
        unit = self.units[name]
        return RowGradients(
            group=name,
            rows=int(ids.size),
            elements=elements,
            nonzero=int(self.nonzero[ids].sum()),
            nonzero_rows=int(np.count_nonzero(self.nonzero[ids])),
            all_zero=not self.nonzero[ids].any(),
            mean=mean,
            std=float(np.sqrt(max(variance, 0.0))) if variance == variance else np.nan,
            norm_mean=float(norms.mean()) if norms.size else np.nan,
            norm_median=float(np.median(norms)) if norms.size else np.nan,
            norm_max=float(norms.max()) if norms.size else np.nan,
            norm_total=float(np.sqrt(squares)),
            pairwise_cosine=float((unit @ unit - moving) / (moving * (moving - 1))) if moving > 1 else np.nan,
        )

    def rows(self, target: int, inputs: Ids) -> tuple[RowNorm, ...]:
        """The target's row, the inputs' rows, then the largest of the rest that are not zero."""
        norms = self.norms
        named = {int(target): "target"}
        for id in inputs.tolist():
            named.setdefault(id, "input")
        order = np.argsort(-norms, kind="stable")[: _LARGEST + len(named)]
        rest = [int(id) for id in order if int(id) not in named and norms[id] > 0][:_LARGEST]
        named |= dict.fromkeys(rest, "largest")
        return tuple(RowNorm(id, role, float(norms[id])) for id, role in named.items() if id < norms.size)
