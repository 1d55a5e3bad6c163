"""The policy gradient of the output matrix, and the step that an optimiser makes of it."""

from __future__ import annotations

from typing import Any, Final

from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.call import spans
from rowscope.inspector.model.policy.head import OutputHead, carried_back
from rowscope.inspector.model.policy.results import Policy
from rowscope.inspector.model.policy.text import Drawn
from rowscope.inspector.model.suppress import SuppressReserved

_EPS: Final = 1e-8


@record
class PolicyGradient:
    """Gradient [vocabulary, d] of the loss and the loss, in nats; NaN where no token counts."""

    matrix: Any
    loss: float


def policy_gradient(
    head: OutputHead, text: Drawn, advantage: float, mask: SuppressReserved | None
) -> PolicyGradient:
    """REINFORCE with one advantage A for all N tokens: L = -(A / N) sum_t log p_t(y_t).

    By the softmax's derivative dL/dz_ti = (A / N) (p_ti - [i = y_t]), so that a step -eta dL/dz moves the
    logit of an id that was not sampled by -eta A p_ti / N: up where A < 0 (Williams 1992, Machine Learning
    8:229, for the estimator). With z = U h and the output matrix U,
    dL/dU_i = (A / N) sum_t (p_ti - [i = y_t]) h_t.
    With a mask the probabilities are those over the other ids, and the rows of its ids get exactly 0. Tokens
    that it makes impossible count neither in the sum nor in N.

    Args:
        text: what was sampled.
        mask: of the trainer.
    """
    import torch

    counted = _possible(text, mask)
    hidden, ids = text.hidden[counted], text.ids[counted]
    total = torch.zeros_like(head.weight)
    loss = 0.0
    for span in spans(len(ids), int(head.weight.shape[0])):
        part, wanted = hidden[span], ids[span]
        raw, logits = head.logits(part, graph=True)
        log_p = _masked(logits[0].detach(), mask).log_softmax(-1)
        at = torch.arange(len(wanted), device=log_p.device)
        loss -= advantage * float(log_p[at, wanted].sum()) / len(ids)
        factor = log_p.exp()
        factor[at, wanted] -= 1.0
        factor = carried_back(raw, logits, factor * (advantage / len(ids)))
        total.addmm_(factor.to(total.dtype).T, part)
    return PolicyGradient(total, loss if len(ids) else float("nan"))


def _possible(text: Drawn, mask: SuppressReserved | None) -> Any:  # noqa: ANN401 - bool tensor
    import torch

    if mask is None:
        return torch.ones_like(text.ids, dtype=torch.bool)
    return ~torch.isin(text.ids, torch.as_tensor(mask.ids, device=text.ids.device))


def impossible(text: Drawn, mask: SuppressReserved | None) -> int:
    """How many of the tokens a trainer with this mask gives probability 0."""
    return int((~_possible(text, mask)).sum())


def wide(logits: Any) -> Any:  # noqa: ANN401 - tensors
    """Float64, or where the device (MPS) has none, float32."""
    return logits.float() if logits.device.type == "mps" else logits.double()


def _masked(logits: Any, mask: SuppressReserved | None) -> Any:  # noqa: ANN401 - tensors
    values = wide(logits)
    return values if mask is None else mask(None, values)


def mismatch(head: OutputHead, text: Drawn, ids: SuppressReserved) -> float:
    """Largest difference of log p(token) with and without a mask of `ids`: -log(1 - m), m their mass."""
    found = 0.0
    for span in spans(len(text.ids), int(head.weight.shape[0])):
        logits = head.logits(text.hidden[span])[1][0]
        wanted = text.ids[span, None]
        plain, masked = (_masked(logits, mask).log_softmax(-1).gather(-1, wanted) for mask in (None, ids))
        found = max(found, float((plain - masked).abs().max()))
    return found


def make_optimizer(head: OutputHead, policy: Policy) -> Any:  # noqa: ANN401 - torch optimiser
    """SGD without momentum, or AdamW without decay, on the output matrix."""
    import torch

    if policy.optimizer == "sgd":
        return torch.optim.SGD([head.weight], lr=policy.learning_rate)
    return torch.optim.AdamW([head.weight], lr=policy.learning_rate, eps=_EPS, weight_decay=0.0)


def step_of(gradient: Any, policy: Policy) -> Any:  # noqa: ANN401 - tensors
    """How far each step moves the matrix while the gradient stays what it is; `gradient` is used up.

    SGD: -eta g. AdamW: -eta g / (|g| + eps), since both its averages are then those of one number, corrected
    for their start: nearly -eta for every element, however small its gradient, down to eps.
    """
    if policy.optimizer == "adamw":
        gradient.div_(gradient.abs() + _EPS)
    return gradient.mul_(-policy.learning_rate)
