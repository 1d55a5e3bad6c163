"""How far the rows of a matrix moved."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.model.loading.call import float64
from rowscope.inspector.model.train.results import Drift

_BLOCK: Final = 1 << 21


def measure_drift(before: Any, after: Any, ids: NDArray[np.int64], matrix: str, group: str) -> Drift:  # noqa: ANN401
    """Drift of the rows `ids` between two states [rows, d] of a matrix; row by row in float64."""
    import torch

    width = int(before.shape[1])
    ids = ids[ids < before.shape[0]]
    moved, ratios, cosines = [np.zeros(0)], [np.zeros(0)], [np.zeros(0)]
    unit, units, changed = np.zeros(width), 0, 0
    for start in range(0, ids.size, max(1, _BLOCK // width)):
        index = torch.as_tensor(ids[start : start + max(1, _BLOCK // width)], device=before.device)
        old, new = float64(before[index]).cpu().numpy(), float64(after.detach()[index]).cpu().numpy()
        step = new - old
        changed += int((step != 0).any(axis=1).sum())
        lengths = [np.linalg.norm(rows, axis=1) for rows in (old, new, step)]
        with np.errstate(divide="ignore", invalid="ignore"):
            moved.append(lengths[2] / lengths[0])
            ratios.append(lengths[1] / lengths[0])
            kept = np.einsum("ij,ij->i", old, new) / (lengths[0] * lengths[1])
            cosines.append(np.where(lengths[2] == 0, 1.0, kept))
        far = lengths[2] > 0
        unit += (step[far] / lengths[2][far, None]).sum(axis=0)
        units += int(far.sum())
    relative = np.concatenate(moved)
    return Drift(
        matrix=matrix,
        group=group,
        rows=int(ids.size),
        changed=changed,
        relative=_mean(relative),
        relative_max=float(relative.max()) if relative.size else float("nan"),
        norm_ratio=_mean(np.concatenate(ratios)),
        cosine=_mean(np.concatenate(cosines)),
        common_direction=float((unit @ unit - units) / (units * (units - 1))) if units > 1 else float("nan"),
    )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
