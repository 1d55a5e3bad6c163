"""One step's loss, and the measurement of the new token, on items of unequal length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from rowscope.inspector.model.loading.call import batch_rows, call, float64, pad, shift_right, spans, tensor
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.train.task import Item, Task

_IGNORED: Final = -100  # what torch's cross-entropy passes over


def run_items(loaded: Loaded, items: Sequence[Item]) -> tuple[Any, Any]:
    """Logits [n, positions, vocabulary] of a batch, and what each position should predict (-100 = nothing).

    A causal model reads context and continuation and predicts every next token; an encoder-decoder reads
    the context and predicts the continuation.
    """
    if loaded.kind == "seq2seq":
        read = [item.context for item in items]
        labels = pad([item.continuation for item in items], _IGNORED)
        decoder = shift_right(loaded, tensor(loaded, np.maximum(labels, 0)))
    else:
        read = [(*item.context, *item.continuation) for item in items]
        labels = pad([(*row[1:], _IGNORED) for row in read], _IGNORED)
        decoder = None
    mask = pad([[1] * len(row) for row in read], 0)
    found = call(loaded, tensor(loaded, pad(read, 0)), mask=tensor(loaded, mask), decoder=decoder)
    return found.logits, tensor(loaded, labels)


def mean_loss(loaded: Loaded, items: Sequence[Item]) -> Any:  # noqa: ANN401 - tensor
    """Mean cross-entropy of a batch in nats, a scalar with a graph."""
    import torch

    logits, labels = run_items(loaded, items)
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=_IGNORED)


def token_losses(loaded: Loaded, items: Sequence[Item]) -> Any:  # noqa: ANN401 - float64 array
    """Cross-entropy of every token that a batch predicts, in nats, float64, without a graph."""
    import torch

    with torch.no_grad():
        logits, labels = run_items(loaded, items)
        kept = (labels.flatten() != _IGNORED).nonzero()[:, 0]
        found = [np.zeros(0)]
        for part in spans(len(kept), int(logits.shape[-1])):
            log_p = float64(logits.flatten(0, 1)[kept[part]]).log_softmax(-1)
            wanted = labels.flatten()[kept[part]].to(log_p.device)
            found.append(-log_p.gather(-1, wanted[:, None])[:, 0].cpu().numpy())
    return np.concatenate(found)


def measure_token(loaded: Loaded, task: Task, token: int) -> tuple[float, float, float, float]:
    """The first four numbers of `Measured`, on the held-out items."""
    import torch

    due: dict[bool, list[float]] = {True: [], False: []}
    follows: list[float] = []
    first: list[float] = []
    longest = max(len(item.context) + len(item.continuation) for item in task.held_out)
    step = batch_rows(loaded, longest)
    for start in range(0, len(task.held_out), step):
        items = task.held_out[start : start + step]
        with torch.no_grad():
            logits, _ = run_items(loaded, items)
        for row, item in enumerate(items):
            at = 0 if loaded.kind == "seq2seq" else len(item.context) - 1
            p = float64(logits[row, at : at + 2]).softmax(-1)
            due[item.counted].append(float(p[0, token]))
            if item.counted:
                first.append(float(p[0].argmax() == token))
            if item.counted and len(item.continuation) > 1:
                follows.append(float(p[1, item.continuation[1]]))
    return _mean(due[True]), _mean(due[False]), _mean(follows), _mean(first)


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
