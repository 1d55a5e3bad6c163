"""The gradient of the vocabulary matrices, split by path and by position, and nothing else's gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.call import call
from rowscope.inspector.model.loading.load import Loaded


@record
class Sequence:
    """One training example as tensors.

    Attributes:
        inputs: int64 [1, tokens]. decoder: int64 [1, positions], or None.
        targets: int64 [positions]: what each of the model's positions should predict, -1 for nothing.
    """

    inputs: Any
    decoder: Any
    targets: Any


@record
class Graph:
    """A forward pass that gradients can be taken of.

    Attributes:
        losses: float tensor [positions that have a target], cross-entropy in nats.
        index: their positions.
        raw: the head's products, [1, positions, vocabulary].
        logits: the same after whatever the model does to them.
        hidden: what the head multiplies, [positions, d].
    """

    losses: Any
    index: Any
    raw: Any
    logits: Any
    hidden: Any


@contextmanager
def only_matrices(loaded: Loaded, *, untied: bool) -> Iterator[tuple[Any, Any]]:
    """The input and the output matrix as the only parameters with a gradient.

    Args:
        untied: give the head a parameter of its own over the same memory where one matrix has both roles,
            so that autograd keeps the two paths apart. Nothing is copied.
    """
    network, head = loaded.network, loaded.head
    import torch

    flags = [(p, p.requires_grad) for p in network.parameters()]
    shared = head.weight
    network.requires_grad_(False)
    try:
        if untied and loaded.tied:
            head.weight = torch.nn.Parameter(shared.detach())
        source, target = loaded.embedding.weight, head.weight
        source.requires_grad_(True)
        target.requires_grad_(True)
        yield source, target
    finally:
        head.weight = shared
        for parameter, flag in flags:
            parameter.requires_grad_(flag)


def run_graph(loaded: Loaded, sequence: Sequence) -> Graph:
    """Forward pass with an own cross-entropy, in the dtype of the logits."""
    import torch

    seen: dict[str, Any] = {}

    def note(_: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401 - a torch hook
        seen["hidden"], seen["raw"] = inputs[0], output

    handle = loaded.head.register_forward_hook(note)
    try:
        found = call(loaded, sequence.inputs, decoder=sequence.decoder)
    finally:
        handle.remove()
    if "raw" not in seen or seen["raw"].shape != found.logits.shape:
        raise RefusedError(
            f"{type(loaded.network).__name__} does not compute its logits with one output matrix: their "
            "gradient cannot be taken apart; use the forward probe",
            location="lm_head",
            code="NO_SINGLE_HEAD",
        )
    index = (sequence.targets >= 0).nonzero()[:, 0]
    losses = torch.nn.functional.cross_entropy(
        found.logits[0, index], sequence.targets[index], reduction="none"
    )
    return Graph(losses, index, seen["raw"], found.logits, seen["hidden"][0])


def gradient_of(loss: Any, parameter: Any) -> Any:  # noqa: ANN401 - tensors
    """Gradient of a scalar for one parameter, the graph kept; None where the loss does not reach it."""
    import torch

    if not loss.requires_grad:
        return None
    (found,) = torch.autograd.grad(loss, parameter, retain_graph=True, allow_unused=True)
    return found


def coefficients(graph: Graph, targets: Any) -> Any:  # noqa: ANN401 - tensors
    """(p - y) / T at every position, float [positions, vocabulary]; 0 where there is no target.

    The derivative of the mean cross-entropy by the logits. Where the logits are not the head's own
    products, it is carried back through what the model does to them.
    """
    import torch

    wide = graph.logits.detach()[0]
    wide = wide.float() if wide.device.type == "mps" else wide.double()
    found = torch.zeros_like(wide)
    p = wide[graph.index].softmax(-1)
    p[torch.arange(len(graph.index), device=p.device), targets[graph.index]] -= 1.0
    found[graph.index] = p / len(graph.index)
    if post_processed(graph):
        (back,) = torch.autograd.grad(
            graph.logits, graph.raw, grad_outputs=found[None].to(graph.logits.dtype), retain_graph=True
        )
        found = back[0].to(found.dtype)
    return found


def post_processed(graph: Graph) -> bool:
    """Whether the logits are something else than the head's products (a soft cap, a scale)."""
    return not bool((graph.raw == graph.logits).all())
