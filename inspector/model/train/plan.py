"""One way to train, step by step, from the weights as they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.train.claim_row import matrices
from rowscope.inspector.model.train.drift import measure_drift
from rowscope.inspector.model.train.ordinary import ALIVE, mean_text_loss, prompt_items, text_items
from rowscope.inspector.model.train.results import Drift, Measured, Tried, Variant
from rowscope.inspector.model.train.steps import mean_loss, measure_token
from rowscope.inspector.model.train.task import Task, batches

ONE_ROW: Final = ("token-only", "token-only-decay")
_NO_DECAY: Final = ("full-no-decay", "token-only")
_LOOKS: Final = 6  # how often, on the way, a rate on trial is asked what it costs

Step = Callable[[int], None]
"""Called with the number of steps done."""


@dataclass(frozen=True)
class Plan:
    """What every variant has in common."""

    loaded: Loaded
    slot: int
    task: Task
    steps: int
    batch: int
    decay: float

    def measure(self) -> Measured:
        """The model as it is, on the lesson's held-out items and on ordinary text."""
        token = measure_token(self.loaded, self.task, self.slot)
        prompts = mean_text_loss(self.loaded, prompt_items(self.loaded))
        return Measured(*token, self.text_loss(), prompts)

    def text_loss(self) -> float:
        return mean_text_loss(self.loaded, text_items(self.loaded))

    def run(
        self, name: str, rate: float, start: dict[int, Any], step: Step, *, trial: bool
    ) -> Variant | Tried:
        """Train one variant; the caller puts the weights back.

        Args:
            start: the weights before, by the identity of their parameter.
            trial: give up, and say what was found, where the loss on ordinary text rises too far.
        """
        before = self.measure()
        limit = before.text_loss + ALIVE if trial else float("inf")
        chosen, hooks = self._open(name)
        try:
            losses, seconds, given_up = self._train(name, chosen, rate, limit, step)
        finally:
            for hook in hooks:
                hook.remove()
        if given_up is not None:
            return given_up
        after = self.measure()
        alive = not after.text_loss > before.text_loss + ALIVE
        if trial and not alive:
            return Tried(name, rate, self.steps, after.text_loss)
        return Variant(
            name=name,
            trained=_WORDS[name],
            weight_decay=self._decay(name),
            learning_rate=rate,
            alive=alive,
            trainable=sum(int(p.shape[1]) if name in ONE_ROW else p.numel() for p in chosen),
            before=before,
            after=after,
            loss_first=losses[0],
            loss_last=losses[-1],
            decay_factor=(1.0 - rate * self._decay(name)) ** self.steps,
            drift=self._drift(start),
            seconds_per_step=float(np.median(seconds[1:] or seconds)),
        )

    def _decay(self, name: str) -> float:
        return 0.0 if name in _NO_DECAY else self.decay

    def _train(
        self, name: str, chosen: list[Any], rate: float, limit: float, step: Step
    ) -> tuple[list[float], list[float], Tried | None]:
        """The losses, the seconds of each step, and where it was given up."""
        import torch

        optimizer = torch.optim.AdamW(chosen, lr=rate, weight_decay=self._decay(name))
        losses, seconds = [], []
        look = max(1, self.steps // _LOOKS)
        for at, items in enumerate(batches(self.task, self.batch, self.steps, self.loaded.seed), start=1):
            begun = time.perf_counter()
            loss = mean_loss(self.loaded, items)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(float(loss.detach()))  # waits for the device, so that the clock is right
            seconds.append(time.perf_counter() - begun)
            step(at)
            if limit < float("inf") and at % look == 0 and at < self.steps:
                cost = self.text_loss()
                # On the way it may lie a little above what it may be at the end. NaN is too much.
                if not cost <= limit + ALIVE:
                    return losses, seconds, Tried(name, rate, at, cost)
        return losses, seconds, None

    def _open(self, name: str) -> tuple[list[Any], list[Any]]:
        """The parameters that the optimiser gets, with gradients on, and the hooks that narrow them."""
        tables = list(matrices(self.loaded).values())
        if name in ONE_ROW:
            chosen = tables
        else:
            frozen = {id(p) for p in tables} if name == "frozen-embeddings" else set()
            chosen = [p for p in self.loaded.network.parameters() if id(p) not in frozen]
        self.loaded.network.requires_grad_(False)
        for parameter in chosen:
            parameter.requires_grad_(True)
        return chosen, [
            p.register_post_accumulate_grad_hook(self._only_slot) for p in chosen
        ] if name in ONE_ROW else []

    def _only_slot(self, parameter: Any) -> None:  # noqa: ANN401 - tensor
        row = parameter.grad[self.slot].clone()
        parameter.grad.zero_()
        parameter.grad[self.slot] = row

    def _drift(self, start: dict[int, Any]) -> tuple[Drift, ...]:
        subject = self.loaded.subject
        new = np.array([self.slot], dtype=np.int64)
        groups = {"new": new, "reserved": np.setdiff1d(subject.ids, new), "used": subject.trained}
        return tuple(
            measure_drift(start[id(matrix)], matrix, ids, role, group)
            for role, matrix in matrices(self.loaded).items()
            for group, ids in groups.items()
        )


_WORDS: Final = {
    "full": "every parameter",
    "full-no-decay": "every parameter",
    "frozen-embeddings": "every parameter but the vocabulary matrices",
    "token-only": "the new row (the gradient of every other row is set to zero)",
    "token-only-decay": "the new row (the gradient of every other row is set to zero)",
}
