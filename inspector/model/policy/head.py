"""The output matrix by itself: hidden states in, logits out, while the rest of the model stands still."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.model.loading.call import call, float64, tensor
from rowscope.inspector.model.loading.load import Loaded

_ANY_ID: Final = 0
# The logits again from the hidden states that gave them: the dtype's rounding, relative to the largest.
_ROUNDING: Final = {"float64": 1e-6, "float32": 1e-4, "bfloat16": 0.05, "float16": 0.01}


class OutputHead:
    """The output matrix as a parameter of its own, float32 at least, [vocabulary, d].

    Also where one matrix has both roles: the input keeps the stored one.
    """

    def __init__(self, loaded: Loaded, stored: Any) -> None:  # noqa: ANN401 - parameter
        self.loaded = loaded
        self.module = loaded.head
        self.stored = stored

    @property
    def weight(self) -> Any:  # noqa: ANN401 - parameter
        return self.module.weight

    def reset(self) -> None:
        """Back to the stored values."""
        self.weight.copy_(self.stored)

    def logits(self, hidden: Any, *, graph: bool = False) -> tuple[Any, Any]:  # noqa: ANN401 - tensors
        """The head's products and the model's logits, both [1, n, vocabulary], of hidden states [n, d].

        What the model does behind its head (a soft cap, a scale) is done by the model itself: it reads one
        token, and the head is given `hidden` instead.

        Args:
            graph: keep what gradients from the logits to the products need.
        """
        import torch

        seen: list[Any] = []

        def give(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:  # noqa: ANN401 - a torch hook
            return (hidden[None], *inputs[1:])

        def note(_: Any, inputs: tuple[Any, ...], output: Any) -> Any:  # noqa: ANN401 - a torch hook
            seen.append(output.detach().requires_grad_(graph))
            return seen[-1]

        handles = [self.module.register_forward_pre_hook(give), self.module.register_forward_hook(note)]
        try:
            with torch.set_grad_enabled(graph):
                logits = call(self.loaded, tensor(self.loaded, [[_ANY_ID]])).logits
        finally:
            for handle in handles:
                handle.remove()
        if len(seen) != 1 or logits.shape != seen[0].shape:
            self._refuse()
        return seen[0], logits

    def check(self, hidden: Any, logits: Any) -> None:  # noqa: ANN401 - tensors
        """Refuse a model whose logits do not come from the hidden states that its head was given.

        Raises:
            RefusedError: (NO_SINGLE_HEAD)
        """
        again = float64(self.logits(hidden)[1][0])
        error = float((again - float64(logits)).abs().max()) / max(float(logits.abs().max()), 1e-30)
        if not error <= _ROUNDING[self.loaded.dtype]:
            self._refuse()

    def _refuse(self) -> None:
        name = type(self.loaded.network).__name__
        raise RefusedError(
            f"{name} does not compute its logits with one output matrix: no step can be taken on it alone; "
            "leave --rl-steps out",
            location=name,
            code="NO_SINGLE_HEAD",
        )


def carried_back(raw: Any, logits: Any, factor: Any) -> Any:  # noqa: ANN401 - tensors
    """A derivative by the logits, [n, vocabulary], as one by the head's products.

    Args:
        raw, logits: from `OutputHead.logits` with a graph.
    """
    import torch

    if bool((raw == logits).all()):
        return factor
    grad = factor[None].to(logits.dtype)
    return torch.autograd.grad(logits, raw, grad_outputs=grad, retain_graph=True)[0][0]


@contextmanager
def own_head(loaded: Loaded) -> Iterator[OutputHead]:
    """The head with a copy of its matrix, which may be changed; the stored one is back at the end."""
    import torch

    head = loaded.head
    weight, bias = head.weight, getattr(head, "bias", None)

    def copy(stored: Any) -> Any:  # noqa: ANN401 - a parameter
        wide = torch.promote_types(stored.dtype, torch.float32)
        return torch.nn.Parameter(stored.detach().to(wide, copy=True), requires_grad=False)

    def cast(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:  # noqa: ANN401 - a torch hook
        return (inputs[0].to(head.weight.dtype), *inputs[1:])

    handle = head.register_forward_pre_hook(cast)
    try:
        head.weight = copy(weight)
        if bias is not None:
            head.bias = copy(bias)
        yield OutputHead(loaded, weight)
    finally:
        handle.remove()
        head.weight = weight
        if bias is not None:
            head.bias = bias


def hidden_states(loaded: Loaded, ids: Sequence[int], decoder: Any = None) -> tuple[Any, Any]:  # noqa: ANN401
    """What the head multiplies, [positions, d], and the logits, of one sequence."""
    import torch

    seen: list[Any] = []
    handle = loaded.head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    try:
        with torch.no_grad():
            found = call(loaded, tensor(loaded, [ids]), decoder=decoder)
    finally:
        handle.remove()
    return seen[0][0].detach(), found.logits[0]
