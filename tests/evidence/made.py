"""Checkpoints made by code: trained-looking rows with untrained ones of every kind, alone and in pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

Rows = NDArray[np.float64]

ROWS, WIDTH, START = 1600, 128, 0.02
UNMAPPED, PLACEHOLDERS, ADDED, PADDING = 96, 64, 8, 24
ENTRIES = ROWS - UNMAPPED
PLACEHOLDER = np.arange(ENTRIES - ADDED - PLACEHOLDERS, ENTRIES - ADDED)
ADDED_IDS = np.arange(ENTRIES - ADDED, ENTRIES)
UNMAPPED_IDS = np.arange(ENTRIES, ROWS)
IDLE = np.arange(11, 1000, 33)
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
DTYPES = {"F32": np.float32, "BF16": ml_dtypes.bfloat16, "F16": np.float16}


def trained(random: np.random.Generator, rows: int = ROWS) -> Rows:
    """A common mean, strong directions that few rows share, norms with a heavy tail."""
    mean = random.normal(0, 0.02, WIDTH)
    spectrum = 0.08 / np.sqrt(1 + np.arange(40))[:, None] * random.normal(size=(40, WIDTH))
    weights = random.standard_t(4, size=(rows, 40))
    found = mean + weights @ spectrum + random.normal(0, 0.03, (rows, WIDTH))
    return np.asarray(found * random.lognormal(0, 0.2, (rows, 1)))


def _direction(random: np.random.Generator, norm: float) -> Rows:
    vector = random.normal(size=WIDTH)
    return np.asarray(vector * norm / np.linalg.norm(vector))


def collapsed(random: np.random.Generator, count: int, norm: float) -> Rows:
    return np.asarray(_direction(random, 0.7 * norm) + random.normal(0, 2e-3 * norm, (count, WIDTH)))


def drifted(random: np.random.Generator, count: int, norm: float) -> Rows:
    """A common drift and isotropic noise: pairwise cosine 0.6."""
    noise = random.normal(0, 0.45 * norm / np.sqrt(WIDTH), (count, WIDTH))
    return np.asarray(_direction(random, 0.55 * norm) + noise)


def families(random: np.random.Generator, count: int, norm: float) -> Rows:
    """Four families of neighbours at cosine 0.998."""
    centres = np.stack([_direction(random, norm) for _ in range(4)])
    return np.asarray(centres[np.arange(count) % 4] + random.normal(0, 0.04 * norm / 11, (count, WIDTH)))


def initial(random: np.random.Generator, count: int, norm: float) -> Rows:
    return random.normal(0, START, (count, WIDTH))


def vanished(random: np.random.Generator, count: int, norm: float) -> Rows:
    return 1e-12 * random.normal(size=(count, WIDTH))


def zero(random: np.random.Generator, count: int, norm: float) -> Rows:
    return np.zeros((count, WIDTH))


KINDS = {
    "collapsed": collapsed,
    "drifted": drifted,
    "families": families,
    "initial": initial,
    "vanished": vanished,
    "zero": zero,
}
EXPECTED = {
    "collapsed": {"collapsed"},
    "drifted": {"collapsed"},
    "families": {"collapsed"},
    "initial": {"initial"},
    "vanished": {"vanishing", "zero"},
    "zero": {"zero"},
    "fresh": {"fresh"},
}


def make(
    kinds: tuple[str, ...], seed: int, *, unlisted: bool = False
) -> tuple[Rows, dict[str, NDArray[np.int64]]]:
    """Rows, and the ids of each kind: the first kind holds the reserved rows, a second one half of them.

    `fresh` takes the added tokens, at the mean of all other rows. With `unlisted` the unmapped rows were
    trained, and only placeholders are left to the kinds.
    """
    random = np.random.default_rng(seed)
    rows = trained(random)
    norm = float(np.median(np.linalg.norm(rows, axis=1)))
    free = PLACEHOLDER if unlisted else np.concatenate((PLACEHOLDER, UNMAPPED_IDS))
    parts = [kind for kind in kinds if kind != "fresh"]
    ids: dict[str, NDArray[np.int64]] = {}
    for at, kind in enumerate(parts):
        ids[kind] = free[at :: len(parts)]
        rows[ids[kind]] = KINDS[kind](random, ids[kind].size, norm)
    if "fresh" in kinds:
        ids["fresh"] = ADDED_IDS
        others = np.delete(rows, ADDED_IDS, axis=0)
        sliver = random.normal(size=(ADDED, len(others))) / np.sqrt(len(others))
        rows[ADDED_IDS] = others.mean(axis=0) + np.sqrt(1e-9) * sliver @ (others - others.mean(axis=0))
    return rows, ids


def write(folder: Path, rows: Rows, dtype: str = "F32", head: Rows | None = None) -> Path:
    """A checkpoint with a word-level tokenizer; `head` makes it untied."""
    names = {f"w{id}": id for id in range(PLACEHOLDER[0])} | {
        f"<|reserved_{id}|>": int(id) for id in PLACEHOLDER
    }
    flags = {"special": True, "normalized": False, "single_word": False, "lstrip": False, "rstrip": False}
    added = [{"id": int(id), "content": f"<|new_{chr(97 + at)}|>"} | flags for at, id in enumerate(ADDED_IDS)]
    model = {"type": "WordLevel", "vocab": names, "unk_token": "w0"}
    document: dict[str, Any] = {"version": "1.0", "added_tokens": added, "model": model}
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(document))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    config = {"architectures": ["LlamaForCausalLM"], "vocab_size": len(rows), "hidden_size": WIDTH}
    config |= {"tie_word_embeddings": head is None, "initializer_range": START}
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {EMBEDDING: rows} | ({} if head is None else {HEAD: head})
    save_file({n: t.astype(DTYPES[dtype]) for n, t in tensors.items()}, folder / "model.safetensors")
    return folder
