"""Probe: claim a slot in memory, teach it a meaning, and see what else moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rowscope.inspector.errors import UsageError, unknown_value
from rowscope.inspector.model.loading.call import require_kind, running
from rowscope.inspector.model.loading.load import Source, load
from rowscope.inspector.model.results import Progress
from rowscope.inspector.model.train.claim_row import claimed, matrices, pick_slot, restored
from rowscope.inspector.model.train.initial import Initial, compare, initial_rows, stored_rows
from rowscope.inspector.model.train.plan import ONE_ROW, Plan
from rowscope.inspector.model.train.rates import run_all
from rowscope.inspector.model.train.results import TrainResult
from rowscope.inspector.model.train.task import make_task

VARIANTS: Final = ("full", "full-no-decay", "frozen-embeddings", "token-only", "token-only-decay")


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
    learning_rate: float | None = None,
    weight_decay: float = 0.1,
    variants: Sequence[str] = VARIANTS,
    values: Initial = (),
    value_variants: Sequence[str] | None = None,
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
        learning_rate: of AdamW; None for the highest that is tried and leaves the model's loss on ordinary
            text where it was, found apart for what trains the whole model and what trains one row.
        variants: some of `VARIANTS`. "token-only" zeroes the gradient of every row but the new one and
            needs far less memory than training everything; "-decay" shows what weight decay does to the
            other rows even so.
        values: initial rows to compare, or what makes them from the loaded model: each is trained by each
            variant, at the rate that this variant had from the mean of the used rows.
        value_variants: only by these of `variants`.

    Raises:
        RefusedError: as `load`; a masked or headless model; no slot; a tokenizer without text.
        UsageError: a number, variant or initial row that makes no sense; as `load`.
        MissingExtraError, CheckpointError: as `load`.
    """
    _check(steps, batch, learning_rate, weight_decay, variants)
    probe = "token-only" if set(variants) <= set(ONE_ROW) else "train"
    loaded = load(
        path,
        probe=probe,
        device=device,
        dtype=dtype,
        seed=seed,
        ids=ids,
        trust_remote_code=trust_remote_code,
        progress=progress,
    )
    require_kind(loaded, "train", ("causal", "seq2seq"))
    slot = pick_slot(loaded)
    initials = initial_rows(loaded, values)
    plan = Plan(loaded, slot, make_task(loaded, slot), steps, batch, weight_decay)
    parameters = list(matrices(loaded).values() if probe == "token-only" else loaded.network.parameters())
    with running(loaded):
        unclaimed, stored = plan.measure(), stored_rows(loaded, slot)
        with claimed(loaded, slot) as started_rows, restored(loaded, parameters) as copies:
            done, tried = run_all(plan, variants, learning_rate, parameters, copies, progress)
            asked = variants if value_variants is None else value_variants
            rates = {variant.name: variant.learning_rate for variant in done if variant.name in asked}
            started = compare(plan, initials, stored, rates, parameters, copies, progress)
    return TrainResult(
        settings=loaded.settings,
        notes=loaded.notes,
        token=token,
        id=slot,
        started_rows=started_rows,
        steps=steps,
        batch=batch,
        learning_rate=done[0].learning_rate,
        tried=tried,
        unclaimed=unclaimed,
        variants=done,
        values=started,
    )


def _check(steps: int, batch: int, rate: float | None, decay: float, variants: Sequence[str]) -> None:
    for name, value, good in (
        ("--steps", steps, steps >= 1),
        ("--batch", batch, batch >= 1),
        ("--learning-rate", rate, rate is None or 0 < rate < float("inf")),
        ("--weight-decay", decay, 0 <= decay < float("inf")),
    ):
        if not good:
            raise UsageError(f"{name} {value}: give a number above 0", location=name)
    unknown = [name for name in variants if name not in VARIANTS]
    if unknown or not variants:
        raise unknown_value("--variant", unknown[0] if unknown else "nothing", VARIANTS)
