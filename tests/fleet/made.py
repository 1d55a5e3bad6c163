"""Zoos of tiny checkpoints, made by code; stores as they compare; a checkpoint that kills who reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from rowscope.inspector.fleet import TABLES, VOLATILE, read_tables

ROWS, WIDTH = 48, 16
KILLER = "killer"

_WORDS = {f"w{id}": id for id in range(ROWS - 8)}
_TOKENIZER = {
    "version": "1.0",
    "added_tokens": [{"id": ROWS - 9, "content": f"w{ROWS - 9}", "special": True}],
    "model": {"type": "WordLevel", "vocab": _WORDS, "unk_token": "w0"},
}
_CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": ROWS,
    "hidden_size": WIDTH,
    "tie_word_embeddings": True,
    "eos_token_id": ROWS - 9,
}
FAULTS = {
    "cut": lambda folder: os.truncate(folder / "model.safetensors", 200),
    "no header": lambda folder: (folder / "model.safetensors").write_bytes(b"<html>not found</html>"),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "no matrix": lambda folder: save_file({"x": np.zeros(3, "f4")}, folder / "model.safetensors"),
    "half an index": lambda folder: (folder / "model.safetensors").rename(
        folder / "model-00001-of-00002.safetensors"
    ),
}
CODES = {"cut": "FIL001", "no header": "FIL001", "no weights": "CHECKPOINT", "no matrix": "NO_MATRIX"}


def checkpoint(folder: Path, seed: int) -> Path:
    """A tied checkpoint whose last eight rows are reserved copies of one vector."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    matrix = (random.normal(size=(ROWS, 4)) @ random.normal(size=(4, WIDTH))).astype("f4")
    matrix[-8:] = 0.1
    save_file({"model.embed_tokens.weight": matrix}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(_CONFIG))
    (folder / "tokenizer.json").write_text(json.dumps(_TOKENIZER))
    return folder


def zoo(root: Path, count: int, faults: tuple[str, ...] = (), *, killer: bool = False) -> Path:
    """`count` checkpoints, the last of them with these faults, and the very last one a killer."""
    good = count - len(faults) - killer
    for at in range(good):
        checkpoint(root / f"model-{at}", at)
    for fault in faults:
        FAULTS[fault](checkpoint(root / f"broken {fault}", 0))
    if killer:
        checkpoint(root / KILLER, 0)
    return root


def with_killer(monkeypatch, folder: Path) -> None:
    """Processes started from now on are killed by SIGKILL as they open the killer's config."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "def hook(event, given):\n"
        f"    if event == 'open' and str(given[0]).endswith('{KILLER}/config.json'):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(hook)\n"
    )
    source = str(Path(__file__).resolve().parents[2] / "src")
    paths = [str(folder), source, os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


def content(store: Path) -> dict[str, list[dict[str, object]]]:
    """What a store says, without what differs between two audits of the same files."""
    found = {}
    for name, table in read_tables(store).items():
        assert table.column_names == [column.name for column in TABLES[name]]
        found[name] = table.drop_columns([at for at in VOLATILE if at in table.column_names]).to_pylist()
    return found


def start(*words: object) -> subprocess.Popen[bytes]:
    """`rowscope fleet …` in a process of its own."""
    line = [sys.executable, "-m", "rowscope", "fleet", *map(str, words)]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
