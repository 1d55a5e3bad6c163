"""The weight-decay clock and the shift of the mean, against a training run of torch and plain numpy."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rowscope
from rowscope.inspector.audit import MatrixReport

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
ROWS, USED, WIDTH, START = 200, 150, 64, 0.02

Write = Any


def audited(
    write: Write,
    folder: Path,
    embedding: NDArray[Any],
    head: NDArray[Any] | None,
    start: float | None = START,
) -> tuple[MatrixReport, ...]:
    """The audit's matrices of a checkpoint whose rows from `USED` on have no token; `head` None: tied."""
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": ROWS}
    config |= {"hidden_size": WIDTH, "tie_word_embeddings": head is None, "initializer_range": start}
    tensors = {EMBEDDING: embedding} | ({} if head is None else {HEAD: head})
    write(folder, tensors, config, {f"w{id}": id for id in range(USED)})
    return rowscope.audit(folder).matrices


def trained_rows(seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(ROWS, 6)) @ random.normal(size=(6, WIDTH)) + 0.3
    return 0.05 * (rows + 0.3 * random.normal(size=rows.shape))


def with_unseen(unseen: NDArray[np.float64], dtype: str = "f4") -> NDArray[Any]:
    rows = trained_rows(1)
    rows[USED:] = unseen
    return rows.astype(dtype)


def normal(scale: float, seed: int = 2) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, scale, (ROWS - USED, WIDTH))


def test_the_decay_of_a_training_run_is_read_off_its_unseen_rows(
    tmp_path: Path, write_checkpoint: Write
) -> None:
    """AdamW itself, through warm-up and a schedule: the sum of -ln(1 - eta_t lambda) over its steps."""
    torch = pytest.importorskip("torch", reason="extra model")
    torch.manual_seed(0)
    embedding = torch.nn.Embedding(ROWS, WIDTH, dtype=torch.float64)
    head = torch.nn.Linear(WIDTH, ROWS, bias=False, dtype=torch.float64)
    for weight in (embedding.weight, head.weight):
        torch.nn.init.normal_(weight, 0, START)
    start = embedding.weight[USED:].detach().square().mean().sqrt().item()
    parameters = [*embedding.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=0.5)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1, (step + 1) / 20))
    total = 0.0
    for _ in range(250):
        ids = torch.randint(0, USED, (32, 2))
        loss = torch.nn.functional.cross_entropy(head(embedding(ids[:, 0])), ids[:, 1])
        optimiser.zero_grad()
        loss.backward()
        total -= math.log1p(-optimiser.param_groups[0]["lr"] * 0.5)
        optimiser.step()
        schedule.step()
    rows = [weight.detach().float().numpy() for weight in (embedding.weight, head.weight)]
    matrices = audited(write_checkpoint, tmp_path / "toy", rows[0], rows[1], start)
    decay = matrices[0].weight_decay
    assert decay is not None
    assert decay.total == pytest.approx(total, abs=1e-6)
    assert (decay.rows, decay.initializer_range) == (ROWS - USED, start)
    # By the config's own round number the answer is right to what it says of its error.
    (tmp_path / "toy" / "config.json").write_text(
        json.dumps({**json.loads((tmp_path / "toy" / "config.json").read_text()), "initializer_range": START})
    )
    again = rowscope.audit(tmp_path / "toy").matrices
    assert again[0].weight_decay is not None
    assert abs(again[0].weight_decay.total - total) <= 4 * again[0].weight_decay.error
    # The output matrix was pushed by every step: nothing exact is known there.
    assert again[1].weight_decay is None


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_the_error_is_what_it_says(tmp_path: Path, write_checkpoint: Write, dtype: str) -> None:
    found = []
    for seed in range(12):
        rows = with_unseen(normal(START * math.exp(-0.7), seed), dtype)
        (matrix, _) = audited(write_checkpoint, tmp_path / str(seed), rows, trained_rows(3).astype(dtype))
        assert matrix.weight_decay is not None
        found.append((matrix.weight_decay.total - 0.7) / matrix.weight_decay.error)
    assert matrix.weight_decay.error == pytest.approx(1 / math.sqrt(2 * 50 * 64))
    assert 0.4 < np.sqrt(np.mean(np.square(found))) < 1.7


def _drift() -> NDArray[np.float64]:
    return normal(0.01) + 0.01 * np.random.default_rng(5).normal(size=WIDTH)


def _two_sizes() -> NDArray[np.float64]:
    rows = normal(0.012)
    rows[::2] /= 3
    return rows


NONE = {
    "as large as the start": lambda: normal(START),
    "larger than the start": lambda: normal(0.05),
    "common drift": _drift,
    "two sizes": _two_sizes,
    "uniform": lambda: np.random.default_rng(6).uniform(-0.02, 0.02, (ROWS - USED, WIDTH)),
    "copies": lambda: np.repeat(normal(0.01)[:1], ROWS - USED, axis=0),
    "zeros": lambda: np.zeros((ROWS - USED, WIDTH)),
    "trained": lambda: trained_rows(1)[USED:],
    "below the dtype": lambda: normal(1e-40),
}


@pytest.mark.parametrize("kind", NONE)
def test_nothing_is_said_of_rows_that_did_something_else(
    tmp_path: Path, write_checkpoint: Write, kind: str
) -> None:
    matrices = audited(
        write_checkpoint, tmp_path / "m", with_unseen(NONE[kind]()), trained_rows(3).astype("f4")
    )
    assert [matrix.weight_decay for matrix in matrices] == [None, None]


def test_nothing_is_said_of_tied_matrices_or_without_a_start(tmp_path: Path, write_checkpoint: Write) -> None:
    rows, head = with_unseen(normal(0.01)), trained_rows(3).astype("f4")
    (tied,) = audited(write_checkpoint, tmp_path / "tied", rows, None)
    twice = audited(write_checkpoint, tmp_path / "twice", rows, rows)
    unknown = audited(write_checkpoint, tmp_path / "unknown", rows, head, None)
    assert [m.weight_decay for m in (tied, *twice, *unknown)] == [None] * 5
    assert audited(write_checkpoint, tmp_path / "known", rows, head)[0].weight_decay is not None


def test_the_shift_of_the_mean_is_numpys(tmp_path: Path, write_checkpoint: Write) -> None:
    rows, head = with_unseen(normal(0.01)), trained_rows(3).astype("f4")
    rows[7, 3] = np.nan
    matrices = audited(write_checkpoint, tmp_path / "m", rows, head)
    for matrix, values in zip(matrices, (np.delete(rows, 7, axis=0), head), strict=True):
        exact = values.astype("f8")
        expected = np.linalg.norm(exact.mean(axis=0)) / np.median(np.linalg.norm(exact, axis=1))
        assert matrix.mean_shift == pytest.approx(float(expected), rel=1e-9)


def test_nothing_is_said_of_quantised_rows(tmp_path: Path, write_checkpoint: Write) -> None:
    """Codes of eight bits and the largest magnitude of each row, as bitsandbytes stores them."""
    rows, head = with_unseen(normal(0.01)), trained_rows(3).astype("f4")
    largest = np.abs(rows).max(axis=1)
    codes = np.rint(rows / largest[:, None] * 127).astype("i1")
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": ROWS}
    config |= {"hidden_size": WIDTH, "tie_word_embeddings": False, "initializer_range": START}
    tensors = {EMBEDDING: codes, "model.embed_tokens.SCB": largest, HEAD: head}
    write_checkpoint(tmp_path / "m", tensors, config, {f"w{id}": id for id in range(USED)})
    matrix = rowscope.audit(tmp_path / "m").matrices[0]
    assert matrix.groups["unmapped"].stats.std == pytest.approx(0.01, rel=0.05)
    assert matrix.weight_decay is None
