"""Probe: claim a slot in memory, teach it a meaning, and see what else moves."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from rowscope.inspector.errors import UsageError
from rowscope.inspector.model.loading.call import require_kind, running
from rowscope.inspector.model.loading.load import Loaded, Source, load
from rowscope.inspector.model.results import Progress
from rowscope.inspector.model.train.claim_row import claimed, matrices, pick_slot, restored, write_back
from rowscope.inspector.model.train.drift import measure_drift
from rowscope.inspector.model.train.results import Drift, TrainResult, Variant
from rowscope.inspector.model.train.steps import mean_loss, measure
from rowscope.inspector.model.train.task import Task, batches, make_task

VARIANTS: Final = ("full", "full-no-decay", "frozen-embeddings", "token-only", "token-only-decay")
_ONE_ROW: Final = ("token-only", "token-only-decay")
_NO_DECAY: Final = ("full-no-decay", "token-only")


def train(
    path: Source,
    *,
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    ids: Iterable[int] | None = None,
    token: str = "<NUM>",
    steps: int = 60,
    batch: int = 8,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.1,
    variants: Sequence[str] = VARIANTS,
    trust_remote_code: bool = False,
    progress: Progress = None,
) -> TrainResult:
    """Give a reserved slot to a new token and train on a small generated task in which it announces numbers.

    Each variant starts from the same weights, takes the same batches and is undone afterwards; nothing is
    written to disk. AdamW, no dropout, own cross-entropy over all next tokens (causal) or over the decoder's
    labels (encoder-decoder).

    Args:
        ids: claim the first of these instead of the first free slot.
        token: what the new token is called in the report; it never passes through the tokenizer.
        variants: some of `VARIANTS`. "token-only" zeroes the gradient of every row but the new one and
            needs far less memory than training everything; "-decay" shows what weight decay does to the
            other rows even so.

    Raises:
        RefusedError: as `load`; a masked or headless model; no slot; a tokenizer without text.
        UsageError: a number or variant that makes no sense; as `load`.
        MissingExtraError, CheckpointError: as `load`.
    """
    _check(steps, batch, learning_rate, weight_decay, variants)
    probe = "token-only" if set(variants) <= set(_ONE_ROW) else "train"
    loaded = load(
        path, probe=probe, device=device, dtype=dtype, seed=seed, ids=ids, trust_remote_code=trust_remote_code
    )
    require_kind(loaded, "train", ("causal", "seq2seq"))
    slot = pick_slot(loaded)
    task = make_task(loaded, slot)
    plan = _Plan(loaded, slot, task, steps, batch, learning_rate, weight_decay)
    done: list[Variant] = []
    parameters = list(matrices(loaded).values() if probe == "token-only" else loaded.network.parameters())
    with running(loaded):
        unclaimed = measure(loaded, task, slot)
        with claimed(loaded, slot) as started_rows, restored(loaded, parameters) as copies:
            start = {id(p): copy for p, copy in zip(parameters, copies, strict=True)}
            for name in variants:
                done.append(plan.run(name, start, progress, len(done), len(variants)))
                write_back(parameters, copies)
    return TrainResult(
        settings=loaded.settings,
        notes=loaded.notes,
        token=token,
        id=slot,
        started_rows=started_rows,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        unclaimed=unclaimed,
        variants=tuple(done),
    )


def _check(steps: int, batch: int, rate: float, decay: float, variants: Sequence[str]) -> None:
    for name, value, good in (
        ("--steps", steps, steps >= 1),
        ("--batch", batch, batch >= 1),
        ("--learning-rate", rate, 0 < rate < float("inf")),
        ("--weight-decay", decay, 0 <= decay < float("inf")),
    ):
        if not good:
            raise UsageError(f"{name} {value}: give a number above 0", location=name)
    unknown = [name for name in variants if name not in VARIANTS]
    if unknown or not variants:
        raise UsageError(
            f"--variant {unknown[0] if unknown else 'nothing'!r} is not known; use {', '.join(VARIANTS)}",
            location="--variant",
        )


@dataclass(frozen=True)
class _Plan:
    """What every variant has in common."""

    loaded: Loaded
    slot: int
    task: Task
    steps: int
    batch: int
    rate: float
    decay: float

    def run(self, name: str, start: dict[int, Any], progress: Progress, done: int, variants: int) -> Variant:
        """Train one variant from the weights as they are; the caller puts them back."""
        import torch

        decay = 0.0 if name in _NO_DECAY else self.decay
        chosen, hooks = self._open(name)
        before = measure(self.loaded, self.task, self.slot)
        optimizer = torch.optim.AdamW(chosen, lr=self.rate, weight_decay=decay)
        losses, seconds = [], []
        try:
            for at, items in enumerate(batches(self.task, self.batch, self.steps, self.loaded.seed), start=1):
                begun = time.perf_counter()
                loss = mean_loss(self.loaded, items)
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimizer.step()
                losses.append(float(loss.detach()))  # waits for the device, so that the clock is right
                seconds.append(time.perf_counter() - begun)
                if progress is not None:
                    progress(f"train {name}", done * self.steps + at, variants * self.steps)
        finally:
            for hook in hooks:
                hook.remove()
        return Variant(
            name=name,
            trained=_WORDS[name],
            weight_decay=decay,
            trainable=self._trainable(name, chosen),
            before=before,
            after=measure(self.loaded, self.task, self.slot),
            loss_first=losses[0],
            loss_last=losses[-1],
            decay_factor=(1.0 - self.rate * decay) ** self.steps,
            drift=self._drift(start),
            seconds_per_step=float(np.median(seconds[1:] or seconds)),
        )

    def _open(self, name: str) -> tuple[list[Any], list[Any]]:
        """The parameters that the optimiser gets, with gradients on, and the hooks that narrow them."""
        tables = list(matrices(self.loaded).values())
        if name in _ONE_ROW:
            chosen = tables
        else:
            frozen = {id(p) for p in tables} if name == "frozen-embeddings" else set()
            chosen = [p for p in self.loaded.network.parameters() if id(p) not in frozen]
        self.loaded.network.requires_grad_(False)
        for parameter in chosen:
            parameter.requires_grad_(True)
        return chosen, [p.register_hook(self._only_slot) for p in chosen] if name in _ONE_ROW else []

    def _only_slot(self, gradient: Any) -> Any:  # noqa: ANN401 - tensor
        kept = gradient.new_zeros(gradient.shape)
        kept[self.slot] = gradient[self.slot]
        return kept

    def _trainable(self, name: str, chosen: list[Any]) -> int:
        return sum(int(p.shape[1]) if name in _ONE_ROW else p.numel() for p in chosen)

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
