"""The gradient's parts against central differences of an own cross-entropy, in float64.

Most families compute their norms in float32 whatever the dtype, which drowns the differences; here their
norms are computed in float64, after the papers' formula.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.model.gradient import decompose
from rowscope.inspector.model.gradient.examples import as_sequence, examples

FAMILIES = ["qwen2", "llama", "gpt2", "gemma3", "gpt_neox", "t5", "bert"]
STEP = 1e-4
COLUMNS = (0, 7, 19, 31)


def in_float64(network, monkeypatch):
    """Root mean square norms (Zhang and Sennrich, arXiv 1910.07467, eq. 4) without a detour over float32."""
    import torch

    def forward(self, x):
        epsilon = getattr(self, "variance_epsilon", None) or getattr(self, "eps", None)
        gain = self.weight + 1 if "Gemma" in type(self).__name__ else self.weight
        return gain * x / torch.sqrt((x * x).mean(-1, keepdim=True) + epsilon)

    for kind in {type(m) for m in network.modules() if type(m).__name__.endswith(("RMSNorm", "T5LayerNorm"))}:
        monkeypatch.setattr(kind, "forward", forward)


def own_losses(loaded, example):
    """Cross-entropy [positions with a target] in nats, from the logits alone."""
    import torch

    sequence = as_sequence(loaded, example)
    with torch.no_grad():
        if loaded.kind == "seq2seq":
            logits = loaded.network(sequence.inputs, decoder_input_ids=sequence.decoder).logits[0]
        else:
            logits = loaded.network(sequence.inputs).logits[0]
    rows = logits.numpy()
    assert rows.dtype == np.float64
    index = [at for at, target in enumerate(example.targets) if target >= 0]
    peak = rows[index].max(-1)
    log_sum = peak + np.log(np.exp(rows[index] - peak[:, None]).sum(-1))
    return log_sum - rows[index, [example.targets[at] for at in index]]


def differences(loaded, example, matrix, id, column):
    """Derivative of every position's loss by one element, by central differences of fourth order."""
    import torch

    values = []
    with torch.no_grad():
        start = float(matrix[id, column])
        for shift in (-2, -1, 1, 2):
            matrix[id, column] = start + shift * STEP
            values.append(own_losses(loaded, example))
        matrix[id, column] = start
    far, near = values[3] - values[0], values[2] - values[1]
    return (8 * near - far) / (12 * STEP)


def exact_parts(loaded, example, kinds, matrices):
    """Gradient of each part for each matrix, by the probe's own way."""
    graph = decompose.run_graph(loaded, as_sequence(loaded, example))
    masks = {part: graph.losses.new_tensor([float(kind == part) for kind in kinds]) for part in set(kinds)}
    return [
        {
            part: decompose.gradient_of((graph.losses * mask).sum() / len(kinds), matrix)
            for part, mask in masks.items()
        }
        for matrix in matrices
    ]


def check(loaded, example, ids, columns):
    """Every part through either path, at some elements, to 1e-4 of the part's largest element."""
    kinds = example.parts(loaded)
    with decompose.only_matrices(loaded, untied=True) as matrices:
        # The model must read its input matrix and its head from different memory, to move one at a time.
        matrices[1].data = matrices[1].data.clone()
        found = exact_parts(loaded, example, kinds, matrices)
        for matrix, exact in zip(matrices, found, strict=True):
            for id, column in itertools.product(ids, columns):
                moved = differences(loaded, example, matrix, id, column)
                for part, gradient in exact.items():
                    share = moved[[kind == part for kind in kinds]].sum() / len(kinds)
                    error = abs(share - float(gradient[id, column]))
                    assert error <= 1e-4 * float(gradient.abs().max()), (part, id, column)


@pytest.mark.parametrize("family", FAMILIES)
def test_families(load_zoo, family, monkeypatch):
    loaded = load_zoo(family, "float64")
    in_float64(loaded.network, monkeypatch)
    target = int(loaded.subject.ids[0])
    for example in examples(loaded, (1, 2, 3), target):
        guest = next((id for id in example.inputs if id > target), 3)
        check(loaded, example, sorted({1, example.inputs[0], guest, target, 287}), COLUMNS)


def test_demo(monkeypatch):
    loaded = model.load("demo", probe="gradient", device="cpu", dtype="float64")
    in_float64(loaded.network, monkeypatch)
    study, carrier = examples(loaded, (1, 2, 3), 4008)
    check(loaded, study, (1, 2, 3, 4008, 4050), (0, 100))
    check(loaded, carrier, (carrier.inputs[0], 4008, 4009), (5,))


def test_the_probe_reports_these_gradients(load_zoo, monkeypatch):
    loaded = load_zoo("gpt2", "float64")
    study = examples(loaded, (1, 2, 3), 262)[0]
    experiment = model.gradient(loaded).find("study")
    matrix = loaded.embedding.weight
    moved = [differences(loaded, study, matrix, 262, column).mean() for column in range(matrix.shape[1])]
    row = next(row for row in experiment.find("all", "both").rows if row.role == "target")
    assert row.norm == pytest.approx(np.linalg.norm(moved), rel=1e-6)
