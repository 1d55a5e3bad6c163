"""Hostile folders: what is given to a command beside the checkpoint, or in the place of its config.

A command of `FURTHER` runs where the folder holds the file or folder that it names first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hostile_checkpoints import CONFIG, adapter, text
from hostile_tokenizers import Write, entries, instead, sound

VERIFIED, STORE = "verified.json", "store"

FURTHER: dict[str, tuple[str, list[str]]] = {
    "suspects --verified": (VERIFIED, ["suspects", "PATH", "--verified", f"PATH/{VERIFIED}"]),
    "audit --base": ("base", ["audit", "PATH", "--base", "PATH/base"]),
    "fleet status": (STORE, ["fleet", "status", f"PATH/{STORE}"]),
    "fleet report": (STORE, ["fleet", "report", f"PATH/{STORE}"]),
    "fleet run": (STORE, ["fleet", "run", "PATH", "--out", f"PATH/{STORE}", "--workers", "1"]),
}


def native(**values: object) -> Write:
    """Mistral's params.json in the place of config.json."""

    def write(folder: Path) -> None:
        (folder / "config.json").unlink()
        (folder / "params.json").write_text(json.dumps({"dim": 8, "vocab_size": 64, **values}))

    return write


def verified(tokens: object, **settings: object) -> Write:
    """A document of `probe verify`, as it seems."""
    document = {"probe": "verify", "settings": {"input_rows": 64, **settings}, "results": {"tokens": tokens}}
    return lambda folder: (folder / VERIFIED).write_text(json.dumps(document)) and None


def store(change: Write) -> Write:
    """A store that a run made of this checkpoint, and what somebody put into it."""

    def write(folder: Path) -> None:
        import rowscope

        rowscope.fleet(folder, folder / STORE, workers=1)
        change(folder / STORE)

    return write


def runs(count: int, **values: object) -> Write:
    """So many runs that say what they like."""
    said = json.dumps({"engine": "local", "workers": 1, "total": 1, "host": "x", "pid": 1, **values})

    def write(folder: Path) -> None:
        for n in range(count):
            (folder / "runs" / f"20300101-000000-{n:08x}.json").write_text(said)

    return write


def parts(count: int, data: bytes) -> Write:
    """So many parts of these bytes."""

    def write(folder: Path) -> None:
        for n in range(count):
            (folder / "parts" / f"{n:016x}.-.-.audited-none.parquet").write_bytes(data)

    return write


def on_a_base(write: Write) -> Write:
    """An adapter whose base is a folder in it."""

    def both(folder: Path) -> None:
        (folder / "base").mkdir()
        sound(folder / "base")
        write(folder / "base")
        (folder / "tokenizer.json").unlink()
        adapter(base_model_name_or_path=str(folder / "base"))(folder)

    return both


TOKEN = {"id": 3, "token": "w3", "state": "known", "largest": 0.5}
FOLDERS: dict[str, Callable[[], Write]] = {
    "params.json of 900,000 keys": lambda: native(**{f"k{n}": n for n in range(900_000)}),
    "params.json with words of 8 MB": lambda: native(
        vocab_size="v" * 8_000_000, tied_embeddings="t" * 8_000_000
    ),
    "an adapter on a base of 1,000,000 entries": lambda: on_a_base(
        instead("vocab.json", ("{" + entries(1_000_000) + "}").encode())
    ),
    "an adapter on a base of brackets": lambda: on_a_base(text(CONFIG, "[" * 100_000)),
    "a verified document of 400,000 tokens": lambda: verified([TOKEN] * 400_000),
    "a verified document with a word of 60 MB": lambda: verified([{**TOKEN, "token": "t" * 60_000_000}]),
    "a verified document of brackets": lambda: verified([], deep=json.loads("[" * 400 + "]" * 400)),
    "a store of 20,000 runs": lambda: store(runs(20_000, started=1.0)),
    "a store with a run of 100 MB": lambda: store(runs(1, engine="e" * 100_000_000)),
    "a store of 20,000 parts that are none": lambda: store(parts(20_000, b"PAR1\xff\xff\xff\x7fPAR1")),
    "a store with a part of 100 MB": lambda: store(parts(1, b"PAR1" * 25_000_000)),
}
