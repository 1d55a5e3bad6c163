"""Questions put to the model in batches: what all sequences begin with is read once and kept."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, Final

import numpy as np

from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.call import batch_rows, call, float64, spans, tensor
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.verify.forms import Form, Ids, fill

# Total variation distance up to which an answer behind a kept prefix is that of the whole sequence: what
# rounding makes of it. A cache that is not the model's state differs by far more.
_SAME: Final = {"float64": 1e-6, "float32": 1e-3, "bfloat16": 0.1, "float16": 0.05}
# What a model whose state cannot be kept and repeated raises: recurrent ones, or code of the checkpoint.
_UNKEPT: Final = (AttributeError, TypeError, ValueError, LookupError, RuntimeError)


@record
class Prefix:
    """The model's state behind the ids that all sequences of a form begin with.

    `state` is a transformers cache; `name` is the argument that takes it (`cache` since transformers 5.24,
    `past_key_values` before).
    """

    ids: tuple[int, ...]
    state: Any
    name: str


@dataclass
class Asker:
    """Puts forms to a model.

    Attributes:
        forgot: names the forms whose prefix had to be read again for every sequence.
    """

    loaded: Loaded
    forgot: list[str] = field(default_factory=list)
    _kept: dict[Form, Prefix | None] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Sequences in one batch: one position of each is looked at."""
        return batch_rows(self.loaded, 1)

    def ask(self, name: str, form: Form, ids: Ids, columns: Ids | None = None) -> Any:  # noqa: ANN401 - tensor
        """Log-probabilities of what follows, float64 [n, output rows], for the ids [n] in the gaps.

        Args:
            columns: only those of these ids, [n, columns]: a batch's whole rows are larger than its logits.
        """
        if self.loaded.kind != "causal":
            return self._whole(form, ids, columns)
        if form not in self._kept:
            self._kept[form] = self._keep(form, ids[:2])
            if self._kept[form] is None and form.shared and len(form.shared) < len(form.reads):
                self.forgot.append(name)
        prefix = self._kept[form]
        if prefix is None:
            return self._whole(form, ids, columns)
        return self._behind(prefix, form, ids, columns)

    def before(self, form: Form) -> Any:  # noqa: ANN401 - tensor
        """The same for a form without gaps, float64 [output rows]."""
        return self._whole(form, np.zeros(1, dtype=np.int64))[0]

    def _whole(self, form: Form, ids: Ids, columns: Ids | None = None) -> Any:  # noqa: ANN401 - tensor
        reads = fill(form.reads, ids)
        decoder = tensor(self.loaded, fill(form.writes, ids)) if form.writes else None
        length = len(form.writes or form.reads)
        found = []
        for part in _steps(reads.shape[0], batch_rows(self.loaded, length)):
            written = None if decoder is None else decoder[part]
            last = form.at == length - 1
            logits = call(self.loaded, tensor(self.loaded, reads[part]), decoder=written, last=last).logits
            at = min(form.at, int(logits.shape[1]) - 1)
            found.append(_log_p(logits[:, at], columns))
        return _joined(found)

    def _behind(self, prefix: Prefix, form: Form, ids: Ids, columns: Ids | None = None) -> Any:  # noqa: ANN401
        """The same, with what stands before the first gap already read."""
        own = tensor(self.loaded, fill(form.reads[len(prefix.ids) :], ids))
        state = copy.deepcopy(prefix.state)
        state.batch_repeat_interleave(own.shape[0])
        seen = own.new_ones((own.shape[0], len(prefix.ids) + own.shape[1]))
        found = self._run({"input_ids": own, "attention_mask": seen, prefix.name: state})
        return _log_p(found.logits[:, -1], columns)

    def _keep(self, form: Form, ids: Ids) -> Prefix | None:
        """The form's prefix as a state, tried on `ids`; None where the answers behind it are others."""
        if not form.shared or len(form.shared) == len(form.reads):
            return None
        try:
            first = tensor(self.loaded, [form.shared])
            found = self._run({"input_ids": first, "attention_mask": first.new_ones(first.shape)})
            name = next(
                name for name in ("cache", "past_key_values") if getattr(found, name, None) is not None
            )
            prefix = Prefix(form.shared, getattr(found, name), name)
            behind, whole = self._behind(prefix, form, ids), self._whole(form, ids)
        except StopIteration:
            return None
        except _UNKEPT:
            return None
        apart = float((behind.exp() - whole.exp()).abs().sum(-1).max()) / 2
        return prefix if apart <= _SAME[self.loaded.dtype] else None

    def _run(self, inputs: dict[str, Any]) -> Any:  # noqa: ANN401 - transformers' output
        network = self.loaded.network
        if "logits_to_keep" in signature(network.forward).parameters:
            inputs["logits_to_keep"] = 1
        with warnings.catch_warnings():
            # transformers renames the argument that takes the state.
            warnings.simplefilter("ignore", FutureWarning)
            return network(**inputs, use_cache=True, return_dict=True)


def take(logs: Any, ids: Ids) -> Any:  # noqa: ANN401 - tensors
    """The columns of some ids."""
    import torch

    return logs[..., torch.as_tensor(ids, device=logs.device)]


def _log_p(logits: Any, columns: Ids | None) -> Any:  # noqa: ANN401 - tensors
    """Log-probabilities in float64, [n, output rows], or of some columns."""
    import torch

    found = []
    for part in spans(*logits.shape):
        logs = float64(logits[part]).log_softmax(-1)
        found.append(logs if columns is None else take(logs, columns))
    return torch.cat(found)


def _steps(count: int, step: int) -> Iterator[slice]:
    for start in range(0, count, step):
        yield slice(start, start + step)


def _joined(parts: list[Any]) -> Any:  # noqa: ANN401 - tensors
    import torch

    return parts[0] if len(parts) == 1 else torch.cat(parts)
