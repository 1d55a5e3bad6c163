"""The lesson from several initial rows: which start is worth what after the same steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import UsageError
from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.results import Progress
from rowscope.inspector.model.train.claim_row import matrices, write_back
from rowscope.inspector.model.train.ordinary import mean_text_loss
from rowscope.inspector.model.train.plan import Plan
from rowscope.inspector.model.train.results import Started, Variant


@record(eq=False)
class InitialRow:
    """What the slot holds before the first step.

    Attributes:
        values: the recipe, as `rowscope claim --values` takes it.
        source: how the rows were made, in words.
        rows: float64 [d] by role: "input", "output", or "both"; the stored row for a role that is missing.
        bias: for the output bias; None leaves it as it is.
    """

    values: str
    source: str
    rows: Mapping[str, NDArray[np.float64]]
    bias: float | None = None

    def of_role(self, role: str) -> NDArray[np.float64] | None:
        """The row for a matrix; files store tied matrices once or twice, and models tie what files do not."""
        others = ("both",) if role != "both" else ("input",)
        return next((self.rows[name] for name in (role, *others) if name in self.rows), None)


Initial: TypeAlias = Sequence[InitialRow] | Callable[[Loaded], Sequence[InitialRow]]
"""Initial rows, or what makes them from the loaded model."""


def initial_rows(loaded: Loaded, given: Initial) -> Sequence[InitialRow]:
    """The rows, made where they are not yet.

    Raises:
        UsageError: one of another width, or not finite; what the maker raises.
    """
    found = given(loaded) if callable(given) else given
    for one in found:
        for role, matrix in matrices(loaded).items():
            row, width = one.of_role(role), int(matrix.shape[1])
            if row is not None and (row.shape != (width,) or not np.isfinite(row).all()):
                raise UsageError(
                    f"values {one.values!r}: a row of shape {row.shape} for a matrix with {width} columns, "
                    "or it is not finite; make it for this checkpoint",
                    location="values",
                )
    return found


def stored_rows(loaded: Loaded, slot: int) -> list[Any]:
    """Copies of the slot's rows as they are, in the order of `matrices`."""
    return [matrix[slot].detach().clone() for matrix in matrices(loaded).values()]


@contextmanager
def _placed(loaded: Loaded, slot: int, initial: InitialRow, stored: Sequence[Any]) -> Iterator[None]:
    """The slot with an initial row; what it held before comes back at the end."""
    import torch

    tables = matrices(loaded)
    bias = None if initial.bias is None else getattr(loaded.head, "bias", None)
    before = stored_rows(loaded, slot)
    old = None if bias is None else bias[slot].detach().clone()
    with torch.no_grad():
        for (role, matrix), own in zip(tables.items(), stored, strict=True):
            row = initial.of_role(role)
            # Cast first: a device may have no float64.
            matrix[slot] = (
                own if row is None else torch.as_tensor(row, dtype=matrix.dtype, device=matrix.device)
            )
        if bias is not None:
            bias[slot] = initial.bias
    try:
        yield
    finally:
        with torch.no_grad():
            for matrix, row in zip(tables.values(), before, strict=True):
                matrix[slot] = row
            if bias is not None:
                bias[slot] = old


def compare(
    plan: Plan,
    initials: Sequence[InitialRow],
    stored: Sequence[Any],
    rates: Mapping[str, float],
    parameters: list[Any],
    copies: list[Any],
    progress: Progress,
) -> tuple[Started, ...]:
    """Every initial row through every variant, each with the same batches at that variant's rate.

    Args:
        stored: the slot's rows before anything was written; see `stored_rows`.
        rates: learning rate by the variant's name.
    """
    start = {id(p): copy for p, copy in zip(parameters, copies, strict=True)}
    done: list[Started] = []
    for initial in initials:
        for name, rate in rates.items():

            def step(at: int, initial: InitialRow = initial) -> None:
                if progress is not None:
                    whole = len(initials) * len(rates) * plan.steps
                    progress(f"train from {initial.values}", len(done) * plan.steps + at, whole)

            with _placed(plan.loaded, plan.slot, initial, stored):
                before = mean_text_loss(plan.loaded, plan.task.held_out)
                outcome = plan.run(name, rate, start, step, trial=False)
                after = mean_text_loss(plan.loaded, plan.task.held_out)
                write_back(parameters, copies)
            assert isinstance(outcome, Variant)
            done.append(_started(initial, outcome, before, after))
    return tuple(done)


def _started(initial: InitialRow, outcome: Variant, before: float, after: float) -> Started:
    return Started(
        values=initial.values,
        source=initial.source,
        variant=outcome.name,
        learning_rate=outcome.learning_rate,
        alive=outcome.alive,
        loss_before=before,
        loss_after=after,
        loss_first=outcome.loss_first,
        loss_last=outcome.loss_last,
        before=outcome.before,
        after=outcome.after,
    )
