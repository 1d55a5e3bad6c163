"""A logits processor that vLLM finds by itself: entry point `rowscope` of the group `vllm.logits_processors`.

vLLM loads every processor that is installed. This one does nothing until the environment variable
ROWSCOPE_MASK says which ids must never be sampled; what it cannot read there stops the server at its start,
since a mask that is silently absent would be worse. Needs vLLM alone to be imported.
"""

from __future__ import annotations

import importlib
import os
import types
from typing import Any, Final

VARIABLE: Final = "ROWSCOPE_MASK"
OFF: Final = frozenset({"", "0", "off", "false", "no"})

# Model Runner V2 calls __init__(vllm_config, req_states) and apply(logits, ctx), the V1 runner
# __init__(vllm_config, device, is_pin_memory) and apply(logits); vLLM 0.33.
_INTERFACES: Final = ("vllm.v1.worker.gpu.sample.logits_processor", "vllm.v1.sample.logits_processor")


def chosen_ids(value: str, model: str) -> list[int]:
    """The ids that a value of ROWSCOPE_MASK means, sorted.

    Args:
        value: ranges and single ids (`151665:151936,7`), a file of them (as `mask --format ids` and `ranges`
            write it), or what `mask --include` takes, of the served checkpoint. Empty, `0` and `off`: none.
        model: the served checkpoint, as vLLM knows it.

    Raises:
        RowscopeError: none of these, or the checkpoint cannot be read.
    """
    if value.strip().lower() in OFF:
        return []
    from rowscope.inspector.mask.build import INCLUDE, mask

    if {word.strip() for word in value.split(",")} <= set(INCLUDE):
        return list(map(int, mask(model, value).ids))
    if os.path.isfile(value):
        with open(value, encoding="utf-8") as file:
            value = ",".join(file.read().replace(",", " ").split())
    return _listed(value)


def _listed(value: str) -> list[int]:
    from rowscope.inspector.errors import UsageError

    found: set[int] = set()
    for part in value.split(","):
        start, colon, stop = part.strip().partition(":")
        if not start.isdecimal() or (colon and not stop.isdecimal()):
            raise UsageError(
                f"{VARIABLE}: {part[:60]!r} is no id and no range; give ids such as 151665:151936,7, as "
                "`rowscope mask PATH --format ranges` prints them, a file of them, or reserved, unmapped or "
                "untrained",
                location=VARIABLE,
            )
        found.update(range(int(start), int(stop)) if colon else (int(start),))
    return sorted(found)


class _Suppress:
    """What both interfaces ask for; the ids are read once, at the start of the server."""

    def __init__(self, vllm_config: Any, *state: Any) -> None:  # noqa: ANN401 - vLLM's own objects
        value = os.environ.get(VARIABLE, "")
        model = getattr(getattr(vllm_config, "model_config", None), "model", "")
        self.ids = chosen_ids(value, str(model))
        self._known: Any = None
        self._fits: Any = None

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:  # noqa: ANN401
        """Requests have no say in it."""

    def is_argmax_invariant(self) -> bool:
        """Without ids it changes nothing; with them greedy decoding as well."""
        return not self.ids

    def update_state(self, batch_update: Any) -> None:  # noqa: ANN401
        """There is no state of single requests."""

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:  # noqa: ANN401
        """Whether it changes the logits of a request."""
        return bool(self.ids)

    def apply(self, logits: Any, ctx: Any = None) -> Any:  # noqa: ANN401 - torch tensors
        """Logits [rows, vocabulary], changed in place: the ids at -inf, for every row."""
        if not self.ids:
            return logits
        if self._fits != (logits.device, logits.shape[-1]):
            import torch

            known = [id for id in self.ids if id < logits.shape[-1]]
            self._known = torch.tensor(known, dtype=torch.long, device=logits.device)
            self._fits = (logits.device, logits.shape[-1])
        return logits.index_fill_(-1, self._known, float("-inf"))


def _interfaces() -> tuple[type, ...]:
    """Those that this vLLM has; without any of them the class stands alone, and vLLM says so."""
    found = []
    for name in _INTERFACES:
        try:
            found.append(importlib.import_module(name).LogitsProcessor)
        except (ImportError, AttributeError):
            continue
    return tuple(found)


def _fill(namespace: dict[str, Any]) -> None:
    namespace["__module__"] = __name__
    namespace["__doc__"] = "Sets the logits of the ids that ROWSCOPE_MASK names to -inf, for every request."


SuppressReserved: Final = types.new_class("SuppressReserved", (_Suppress, *_interfaces()), exec_body=_fill)
