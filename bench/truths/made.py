"""Real trained rows with made untrained ones: each kind alone, and every pair of kinds in one matrix."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import rowscope
from bench.truths.ground import Ids, Truth
from bench.truths.resizes import TOKENIZER_FILES

Rows = NDArray[np.float64]


@dataclass
class Subject:
    """A checkpoint under construction.

    Attributes:
        rows: float64 [n, d], the input matrix.
        start: standard deviation of the random start.
        trained, untrained: ids of which the truth is known.
        free: untrained ids that no kind has changed yet.
        dropped: ids that lose their entry.
        random: numpy's generator.
    """

    rows: Rows
    start: float
    trained: Ids
    untrained: Ids
    free: Ids
    dropped: Ids
    random: np.random.Generator

    def append(self, rows: Rows) -> None:
        """Untrained rows without an entry, at the end."""
        ids = np.arange(len(self.rows), len(self.rows) + len(rows))
        self.rows = np.concatenate((self.rows, rows))
        self.untrained = np.concatenate((self.untrained, ids))

    def take(self, share: float) -> Ids:
        """Part of the free untrained ids, which are free no longer."""
        chosen = self.random.permutation(self.free)[: max(4, int(share * self.free.size))]
        self.free = np.setdiff1d(self.free, chosen)
        return np.sort(chosen)

    def typical(self) -> float:
        return float(np.median(np.linalg.norm(self.rows[self.trained], axis=1)))


def without_entry(subject: Subject, share: float) -> None:
    """Trained rows whose tokens the tokenizer file does not list: the last tenth of those surely trained."""
    subject.dropped = subject.trained[-max(64, subject.trained.size // 10) :]


def drift(subject: Subject, share: float, cosine: float = 0.5) -> None:
    """Untrained rows of a common drift and an isotropic rest: mutual cosine 0.5, norm two thirds of usual."""
    ids = subject.take(share)
    norm, width = 0.67 * subject.typical(), subject.rows.shape[1]
    common = subject.random.normal(size=width)
    common *= norm * np.sqrt(cosine) / np.linalg.norm(common)
    noise = subject.random.normal(size=(ids.size, width)) * norm * np.sqrt((1 - cosine) / width)
    subject.rows[ids] = common + noise


def families(subject: Subject, share: float) -> None:
    """Untrained rows in four families of near-copies, neighbours at cosine 0.997."""
    ids = subject.take(share)
    norm, width = subject.typical(), subject.rows.shape[1]
    centres = subject.random.normal(size=(4, width)) * norm / np.sqrt(width)
    noise = subject.random.normal(size=(ids.size, width)) * norm * np.sqrt(0.003 / width)
    subject.rows[ids] = centres[np.arange(ids.size) % 4] + noise


def padding(subject: Subject, share: float) -> None:
    """64 independent rows of the random start, appended."""
    subject.append(subject.random.normal(0, subject.start, size=(64, subject.rows.shape[1])))


def fresh(subject: Subject, share: float) -> None:
    """6 rows at the mean of all, as transformers draws them: N(mu, 1e-9 Sigma)."""
    mean = subject.rows.mean(axis=0)
    weights = subject.random.normal(size=(6, len(subject.rows))) / np.sqrt(len(subject.rows))
    subject.append(mean + np.sqrt(1e-9) * (weights @ (subject.rows - mean)))


Kind = Callable[[Subject, float], None]
KINDS: Final[dict[str, Kind]] = {
    "trained rows without an entry": without_entry,
    "drift and noise": drift,
    "families": families,
    "random padding": padding,
    "fresh rows": fresh,
}


def cases() -> list[tuple[str, tuple[Kind, ...]]]:
    """Each kind, and every pair."""
    alone = [(name, (kind,)) for name, kind in KINDS.items()]
    pairs = [(f"{a} + {b}", (KINDS[a], KINDS[b])) for a, b in combinations(KINDS, 2)]
    return alone + pairs


def make(source: Path, target: Path, truth: Truth, kinds: tuple[Kind, ...], seed: int = 0) -> Truth:
    """Write a case made from a checkpoint without layers; returns what is true of it."""
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(source / "model.safetensors")
    name = rowscope.open_checkpoint(source).matrices[0].tensor
    config = json.loads((source / "config.json").read_text())
    free = np.setdiff1d(truth.untrained, truth.sources.get("impossible bytes", truth.untrained[:0]))
    subject = Subject(
        tensors[name].double().numpy(),
        config["initializer_range"],
        truth.trained,
        truth.untrained,
        free,
        truth.untrained[:0],
        np.random.default_rng(seed),
    )
    for kind in kinds:
        kind(subject, 1.0 if len(kinds) == 1 else 0.5)
    target.mkdir(parents=True)
    tensors[name] = torch.from_numpy(subject.rows).to(tensors[name].dtype)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text(json.dumps(config | {"vocab_size": len(subject.rows)}))
    for file in TOKENIZER_FILES:
        if (source / file).exists() and not (file == "vocab.txt" and subject.dropped.size):
            shutil.copy(source / file, target / file)
    if subject.dropped.size:
        _drop(target / "tokenizer.json", set(subject.dropped.tolist()))
    return Truth(len(subject.rows), subject.trained, subject.untrained, {}, {}, truth.words)


def _drop(path: Path, ids: set[int]) -> None:
    """Take entries out of a tokenizer.json, and the merges that need them."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    model = document["model"]
    model["vocab"] = {token: id for token, id in model["vocab"].items() if id not in ids}
    if "merges" in model:
        there = model["vocab"]
        pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
        model["merges"] = [p for p in pairs if p[0] in there and p[1] in there and "".join(p) in there]
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
