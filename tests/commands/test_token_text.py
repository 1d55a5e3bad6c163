"""Tokens as text in every command and format of a byte-level checkpoint; in data with the stored spelling."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from rowscope.inspector.vocabulary import byte_level_spelling

ROOT = Path(__file__).parents[2]
TEXTS = {10: " 介绍", 11: "\n\n", 12: "é", 13: "a b", 14: "\x1b[31m", 15: "\u202eabc", 16: "\\n"}
PIECES = {20: b"\xe4\xbb", 21: b"\xff", 22: b"\x8b\xe7"}
STORED = [byte_level_spelling(raw) for raw in (" 介绍".encode(), b"\xe4\xbb", "é".encode())]


def _tokenizer(tokens: dict[str, int]) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    spelt = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "added_tokens": [{"id": 40, "content": "<|end Ġ|>", "special": True, **flags}],
        "pre_tokenizer": spelt,
        "decoder": spelt,
        "model": {"type": "BPE", "vocab": tokens, "merges": []},
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint whose odd tokens are all untrained, so that findings and suspects name them, and a copy
    in which their ids have other tokens."""
    found = []
    random = np.random.default_rng(0)
    rows = random.normal(size=(64, 32)).astype("f4")
    odd = [*TEXTS, *PIECES]
    rows[[*odd, 40, *range(41, 64)]] = rows[50] + 1e-4 * random.normal(size=(len(odd) + 24, 32))
    for name, shift in (("one", 0), ("two", 1)):
        raw = {id: f"w{id}".encode() for id in range(40)}
        raw |= {id: text.encode() for id, text in TEXTS.items()} | PIECES
        if shift:
            raw[10], raw[20] = raw[20], raw[10]
        folder = tmp_path_factory.mktemp(name)
        tokens = {byte_level_spelling(value): id for id, value in raw.items()}
        (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(tokens)))
        config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 64}
        config |= {"tie_word_embeddings": True, "hidden_size": 32, "eos_token_id": 40}
        (folder / "config.json").write_text(json.dumps(config))
        save_file({"model.embed_tokens.weight": rows + shift}, folder / "model.safetensors")
        found.append(folder)
    return found[0], found[1]


def run(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "rowscope", *map(str, words)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.decode()


SHOWN = (
    ("audit", "ONE"),
    ("audit", "ONE", "--brief"),
    *(("audit", "ONE", "--format", format) for format in ("markdown", "html", "github")),
    ("rows", "ONE", "--limit", "0"),
    ("suspects", "ONE", "--limit", "0", "--group", "all"),
    ("diff", "ONE", "TWO"),
    ("mask", "ONE", "--include", "untrained"),
    ("claim", "ONE", "<NUM>", "--dry-run", "--values", "like:␣介绍"),
)


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_text_formats_show_texts(folders: tuple[Path, Path], words: tuple[str, ...]) -> None:
    places = {"ONE": folders[0], "TWO": folders[1]}
    shown = run(*(places.get(word, word) for word in words))
    assert not [spelling for spelling in STORED if spelling in shown]
    assert not {"\x1b", "\u202e"} & set(shown)
    if words[0] in ("rows", "suspects"):
        assert all(text in shown for text in ("␣介绍", "\\n\\n", "é", "<0xE4 0xBB>", "<0xFF>", "\\\\n"))
        assert "<|end␣Ġ|>" in shown  # an added token is stored as it is matched
    if words[0] == "diff":
        assert "10 '␣介绍' → '<0xE4 0xBB>'" in shown


def _pairs(value: object) -> list[tuple[str | None, str | None]]:
    """Token and text of every object that has a token."""
    if isinstance(value, list):
        return [pair for item in value for pair in _pairs(item)]
    if not isinstance(value, dict):
        return []
    own = [(value["token"], value["text"])] if "token" in value else []
    return own + [pair for item in value.values() for pair in _pairs(item)]


DATA = (
    ("audit", "ONE", "--format", "json"),
    ("rows", "ONE", "--format", "json"),
    ("suspects", "ONE", "--group", "all", "--format", "json"),
    ("diff", "ONE", "TWO", "--format", "json"),
    ("mask", "ONE", "--include", "untrained", "--format", "json"),
)


@pytest.mark.parametrize("words", DATA, ids=" ".join)
def test_json_has_both(folders: tuple[Path, Path], words: tuple[str, ...]) -> None:
    places = {"ONE": folders[0], "TWO": folders[1]}
    pairs = set(_pairs(json.loads(run(*(places.get(word, word) for word in words)))))
    assert pairs
    table = {byte_level_spelling(text.encode()): text for text in TEXTS.values()}
    table |= {byte_level_spelling(raw): None for raw in PIECES.values()} | {"<|end Ġ|>": "<|end Ġ|>"}
    for token, text in pairs:
        assert text == table.get(str(token), token)


@pytest.mark.parametrize("command", ["rows", "suspects"])
def test_tables_have_both(folders: tuple[Path, Path], command: str) -> None:
    records = list(csv.DictReader(io.StringIO(run(command, folders[0], "--format", "csv"), newline="")))
    by_id = {int(record["id"]): record for record in records}
    assert (by_id[10]["token"], by_id[10]["text"]) == (STORED[0], " 介绍")
    assert (by_id[20]["token"], by_id[20]["text"]) == (STORED[1], "")
