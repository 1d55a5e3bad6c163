"""One example's gradient taken apart: by cause (part) and by path, checked against the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.model.gradient.examples import Example, as_sequence, loss_of_transformers
from rowscope.inspector.model.gradient.paths import (
    Graph,
    Sequence,
    coefficients,
    gradient_of,
    only_matrices,
    post_processed,
    run_graph,
)
from rowscope.inspector.model.gradient.results import Agreement, Experiment, GradientPart
from rowscope.inspector.model.gradient.row_gradients import RowSums
from rowscope.inspector.model.loading.call import float64
from rowscope.inspector.model.loading.load import Loaded

Ids = NDArray[np.int64]

PARTS: Final = ("ordinary text", "reserved target", "reserved input")
PATHS: Final = ("input", "output")

# How far the parts may miss the whole, relative to its largest element: the dtype's rounding, with room.
# Most models compute norms and rotations in float32 whatever their dtype, so float64 gains little here.
_ROUNDING: Final = {"float64": 1e-4, "float32": 1e-3, "bfloat16": 0.1, "float16": 0.05}
_BLOCK: Final = 1 << 22


def _largest(values: Any) -> float:  # noqa: ANN401 - tensor
    """Largest absolute value, without a copy of the matrix; NaN where one is."""
    low, high = values.aminmax()
    return float(max(-low, high)) if low == low else float("nan")


@dataclass
class _Residual:
    """A whole gradient, from which its parts are taken away one by one."""

    left: Any
    scale: float

    @classmethod
    def of(cls, whole: Any) -> _Residual:  # noqa: ANN401 - a tensor or None
        return cls(whole, 0.0 if whole is None else _largest(whole))

    def take(self, part: Any) -> None:  # noqa: ANN401 - a tensor or None
        if part is not None and self.left is not None:
            self.left -= part

    @property
    def share(self) -> float:
        """Largest element left, relative to the largest of the whole."""
        if self.left is None or self.scale == 0.0:
            return 0.0
        return _largest(self.left) / self.scale


def decompose(loaded: Loaded, example: Example) -> Experiment:
    """Gradient of the example's mean cross-entropy: the whole, its parts, and what they should be.

    Raises:
        RefusedError: (NOT_ADDITIVE) the parts do not add up to the whole, so that none could be trusted.
    """
    work = _Work(loaded, example)
    residual = work.tied_whole() if loaded.tied else None
    with only_matrices(loaded, untied=True) as matrices:
        graph = run_graph(loaded, work.sequence)
        shares = [
            work.path(graph, path, matrix, residual) for path, matrix in zip(PATHS, matrices, strict=True)
        ]
        agreement = work.agreement(graph, matrices[1])
        loss = float(graph.losses.detach().mean())
    closure = residual.share if residual is not None else float(np.max(shares))
    _require_closure(loaded, example, closure)
    return Experiment(
        name=example.name,
        inputs=example.inputs,
        labels=example.labels,
        targets=example.targets,
        target=example.target,
        loss=loss,
        loss_of_transformers=loss_of_transformers(loaded, example),
        whole=tuple(work.whole),
        parts=tuple(work.parts),
        closure=closure,
        agreement=agreement,
    )


def _require_closure(loaded: Loaded, example: Example, closure: float) -> None:
    limit = _ROUNDING[loaded.dtype]
    if closure > limit:  # NaN passes: a gradient that is not finite is reported as such
        raise RefusedError(
            f"the parts of the {example.name} gradient miss the whole by {closure:.1e} of its largest "
            f"element (rounding explains {limit:.0e}): {type(loaded.network).__name__} uses its vocabulary "
            "matrices in a way that this probe does not know; use the forward probe",
            location=type(loaded.network).__name__,
            code="NOT_ADDITIVE",
        )


class _Work:
    """One experiment in progress; at no time are more than two gradients of a matrix held."""

    def __init__(self, loaded: Loaded, example: Example) -> None:
        self.loaded = loaded
        self.example = example
        self.sequence: Sequence = as_sequence(loaded, example)
        self.kinds = example.parts(loaded)
        self.whole: list[GradientPart] = []
        self.parts: list[GradientPart] = []

    def tied_whole(self) -> _Residual:
        """The gradient that training sees where one matrix has both roles."""
        with only_matrices(self.loaded, untied=False) as (matrix, _):
            graph = run_graph(self.loaded, self.sequence)
            found = gradient_of(graph.losses.mean(), matrix)
            self.whole.append(self._part("all", "both", graph, found, matrix))
        return _Residual.of(found)

    def path(self, graph: Graph, path: str, matrix: Any, residual: _Residual | None) -> float:  # noqa: ANN401
        """All parts of one path; returns what they leave of that path's own whole (0 where tied)."""
        found = gradient_of(graph.losses.mean(), matrix)
        self.whole.append(self._part("all", path, graph, found, matrix))
        own = residual if residual is not None else _Residual.of(found)
        del found
        for part in PARTS:
            mask = self._mask(graph, part)
            if bool(mask.any()):
                piece = gradient_of((graph.losses * mask).sum() / len(mask), matrix)
                self.parts.append(self._part(part, path, graph, piece, matrix))
                own.take(piece)
        return 0.0 if residual is not None else own.share

    def _mask(self, graph: Graph, part: str) -> Any:  # noqa: ANN401 - tensor
        wanted = [float(part in ("all", kind)) for kind in self.kinds]
        return graph.losses.new_tensor(wanted)

    def _part(self, name: str, path: str, graph: Graph, found: Any, matrix: Any) -> GradientPart:  # noqa: ANN401
        reads = np.unique(np.array(self.example.reads, dtype=np.int64))
        sums = RowSums(found, self._groups(int(matrix.shape[0]), reads), tuple(matrix.shape))
        mask = self._mask(graph, name)
        return GradientPart(
            part=name,
            path=path,
            positions=int(mask.sum()),
            loss=float((graph.losses.detach() * mask).sum()) / len(mask),
            groups=tuple(sums.of(group) for group in sums.groups),
            rows=sums.rows(self.example.target, reads),
            norms=sums.norms if name == "all" else None,
        )

    def _groups(self, rows: int, reads: Ids) -> dict[str, Ids]:
        """Row ids by group, in a matrix of `rows` rows."""
        subject, target = self.loaded.subject, np.array([self.example.target], dtype=np.int64)
        chosen = subject.ids[subject.ids < rows]
        return {
            "used": np.setdiff1d(np.arange(rows), np.union1d(chosen, subject.reserved)),
            subject.kind: chosen,
            "target": target,
            "read": np.setdiff1d(np.intersect1d(chosen, reads), target),
            "others": np.setdiff1d(chosen, np.union1d(target, reads)),
        }

    def agreement(self, graph: Graph, matrix: Any) -> Agreement:  # noqa: ANN401 - tensor
        """The output path against sum_t (p_t - y_t) h_t / T, row block by row block."""
        found = gradient_of(graph.losses.mean(), matrix)
        factors = coefficients(graph, self.sequence.targets)
        hidden = graph.hidden.detach().to(factors.dtype)
        scale, error = _largest(found), 0.0
        step = max(1, _BLOCK // int(matrix.shape[1]))
        for start in range(0, int(matrix.shape[0]), step):
            block = factors[:, start : start + step].T @ hidden
            error = max(error, float((block - found[start : start + step]).abs().max()))
        at = self.example.targets.index(self.example.target)
        others = self._groups(int(matrix.shape[0]), np.array(self.example.reads))["others"]
        total = float64(factors.sum(0)).cpu().numpy()
        return Agreement(
            max_error=error / scale if scale else error,
            post_processed=post_processed(graph),
            target_coefficient=float(total[self.example.target]),
            other_coefficient=float(np.median(np.abs(total[others]))) if others.size else float("nan"),
            hidden_norm=float(float64(graph.hidden[at]).norm()),
        )
