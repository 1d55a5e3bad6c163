"""The two training examples of the gradient probe, in the form that each kind of model takes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from rowscope.inspector.frozen import record
from rowscope.inspector.model.gradient.paths import Sequence
from rowscope.inspector.model.loading.call import shift_right, tensor
from rowscope.inspector.model.loading.frames import frames
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.loading.refusals import load_errors

_NOTHING: Final = -1  # a position without a target
_IGNORED: Final = -100  # the label that the losses of transformers pass over
_LABELS: Final = 4


@record
class Example:
    """A sequence with what each position should predict.

    Attributes:
        inputs: ids that the model (the encoder, where there is one) reads.
        labels: of an encoder-decoder's decoder; () elsewhere.
        targets: by position of the logits; -1 for none.
        target: the probed id that is to be predicted.
    """

    name: str
    inputs: tuple[int, ...]
    labels: tuple[int, ...]
    targets: tuple[int, ...]
    target: int

    def parts(self, loaded: Loaded) -> list[str]:
        """For each position that has a target, which part of the gradient it belongs to."""
        probed = set(loaded.subject.ids.tolist()) | {self.target}
        found = []
        for at, target in enumerate(self.targets):
            if target == _NOTHING:
                continue
            if target in probed:
                found.append("reserved target")
            elif probed.intersection(self._context(loaded.kind, at)):
                found.append("reserved input")
            else:
                found.append("ordinary text")
        return found

    def _context(self, kind: str, at: int) -> tuple[int, ...]:
        """The ids that the prediction at a position can depend on."""
        if kind == "causal":
            return self.inputs[: at + 1]
        return self.inputs + self.labels[:at]

    @property
    def reads(self) -> tuple[int, ...]:
        """All ids that some embedding look-up sees; a start token apart."""
        return self.inputs + self.labels[:-1]


def examples(loaded: Loaded, inputs: tuple[int, ...], target: int) -> tuple[Example, Example]:
    """The study's setting, and the carrier sentence with a probed id inside it and `target` at its end."""
    return _study(loaded.kind, inputs, target), _carrier(loaded, target)


def _study(kind: str, inputs: tuple[int, ...], target: int) -> Example:
    labels = (*inputs[1:], target)
    if kind == "causal":
        # The model shifts the labels: position 0 predicts the second of them, and the last one nothing.
        return Example("study", inputs, (), (*labels[1:], _NOTHING), target)
    return Example("study", inputs, labels if kind == "seq2seq" else (), labels, target)


def _carrier(loaded: Loaded, target: int) -> Example:
    frame = frames(loaded)[1]
    guest = next((int(id) for id in loaded.subject.ids if id != target and id < loaded.input_rows), target)
    inputs = tuple(int(id) for id in frame.fill(np.array([guest]))[0])
    if loaded.kind == "causal":
        # Nothing is asked of the position before the guest: the guest is to be an input only.
        inputs = (*inputs, target)
        targets = [*inputs[1:], _NOTHING]
        if frame.slot:
            targets[frame.slot - 1] = _NOTHING
        return Example("carrier", inputs, (), tuple(targets), target)
    if loaded.kind == "seq2seq":
        labels = (*inputs[frame.slot + 1 :][:_LABELS], target)
        return Example("carrier", inputs, labels, labels, target)
    targets = list(inputs)
    targets[frame.slot] = _NOTHING
    targets[frame.read] = target
    return Example("carrier", inputs, (), tuple(targets), target)


def as_sequence(loaded: Loaded, example: Example) -> Sequence:
    """The example as tensors on the model's device."""
    decoder = None
    if example.labels:
        decoder = shift_right(loaded, tensor(loaded, [example.labels]))
    return Sequence(tensor(loaded, [example.inputs]), decoder, tensor(loaded, example.targets))


def loss_of_transformers(loaded: Loaded, example: Example) -> float:
    """The loss that the model itself computes for the example, in nats; NaN where there is none."""
    import torch

    targets = [_IGNORED if id == _NOTHING else id for id in example.targets]
    if loaded.kind == "causal":
        targets = [_IGNORED, *targets[:-1]]
    ids = tensor(loaded, [example.inputs])
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": ids.new_ones(ids.shape)}
    if example.labels:
        inputs["decoder_input_ids"] = shift_right(loaded, tensor(loaded, [example.labels]))
    try:
        with torch.no_grad():
            loss = loaded.network(**inputs, labels=tensor(loaded, [targets]), return_dict=True).loss
    except torch.cuda.OutOfMemoryError:
        raise
    except load_errors():
        # There to be compared with; some models count pictures among the ids.
        return float("nan")
    return float("nan") if loss is None else float(loss)
