"""Small checkpoints that between them break every rule, and their audits."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.audit.report import Report

EMBEDDING = "model.embed_tokens.weight"
HEAD = "lm_head.weight"
_ROWS, _WIDTH, _TOKENS = 128, 64, 96


@pytest.fixture(scope="session", autouse=True)
def _state_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a claim notes about itself belongs into no real home folder."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


def _write(
    folder: Path,
    tensors: Mapping[str, NDArray[Any]],
    config: Mapping[str, Any] | None = None,
    tokens: Mapping[str, int] | None = None,
    added: tuple[str, ...] = (),
) -> Path:
    """A folder with `model.safetensors` and, where given, config.json and a word-level tokenizer.json.

    `added` names tokens of `tokens` that are flagged special.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), folder / "model.safetensors")
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    if tokens is not None:
        from tokenizers import AddedToken, Tokenizer, models

        tokenizer = Tokenizer(models.WordLevel(dict(tokens), unk_token=next(iter(tokens))))
        tokenizer.add_special_tokens([AddedToken(token, special=True) for token in added])
        tokenizer.save(str(folder / "tokenizer.json"))
        # Else the model's own tokenizer class would add the special tokens that it assumes.
        (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    return folder


@pytest.fixture(scope="session")
def write_checkpoint() -> Callable[..., Path]:
    """write_checkpoint(folder, tensors, config=None, tokens=None, added=()) -> folder."""
    return _write


def _rows(seed: int, rows: int = _ROWS) -> NDArray[np.float32]:
    """Rows that look trained: a common part of their own size and a part that differs, as real ones have."""
    random = np.random.default_rng(seed)
    basis = random.normal(size=(6, _WIDTH))
    return (random.normal(size=(rows, 6)) @ basis + 0.3 * random.normal(size=(rows, _WIDTH))).astype("f4")


def _faulty(seed: int, rows: int) -> NDArray[np.float32]:
    """Trained rows, but reserved ones near-copies of one vector, used ones zero, NaN or copies too."""
    random = np.random.default_rng(seed)
    matrix = _rows(seed, rows)
    vector = random.normal(size=_WIDTH)
    same = [20, 21, 50, 94, 95, *range(_TOKENS, rows)]
    matrix[same] = vector + 1e-4 * random.normal(size=(len(same), _WIDTH))
    matrix[rows - 1] = _rows(seed + 1, 1)
    matrix[30] = 0
    matrix[31, 3] = np.nan
    matrix[32, 4] = np.inf
    return matrix


def _config(**more: Any) -> dict[str, Any]:
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": _WIDTH, **more}


def _words(count: int = _TOKENS) -> dict[str, int]:
    """Words with a hole at id 50 and placeholders at 40 to 42; the last two are for special tokens."""
    words = {f"w{id}": id for id in range(count) if id != 50}
    named = {id: word for word, id in words.items()}
    named |= {40: "<|reserved_1|>", 41: "<|reserved_2|>", 42: "[unused7]"}
    named |= {count - 2: "<|end|>", count - 1: "<|tool|>"}
    return {word: id for id, word in named.items()}


@pytest.fixture(scope="session")
def checkpoint_folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Folders by what is wrong with them; `partial` has neither config nor tokenizer."""
    root = tmp_path_factory.mktemp("checkpoints")
    special = ("<|end|>", "<|tool|>")
    folders = {
        "untied": _write(
            root / "untied",
            {EMBEDDING: _faulty(1, _ROWS), HEAD: _faulty(2, _ROWS + 8)},
            _config(vocab_size=_ROWS + 4, tie_word_embeddings=False, eos_token_id=94, bos_token_id=900),
            _words(),
            special,
        ),
        "beyond": _write(
            root / "beyond",
            {EMBEDDING: _rows(3, 64)},
            _config(vocab_size=64, tie_word_embeddings=True, eos_token_id=94),
            _words(),
            special,
        ),
        "twice": _write(
            root / "twice",
            {EMBEDDING: _rows(4), HEAD: _rows(5)},
            _config(vocab_size=_ROWS, tie_word_embeddings=True),
            _words(_ROWS),
            special,
        ),
        "headless": _sharded(root / "headless"),
        "partial": _write(root / "partial", {EMBEDDING: _rows(7)}),
        "wrapped": _wrapped(root / "wrapped"),
        "layered": _write(
            root / "layered",
            {EMBEDDING: _rows(9), "model.embed_tokens_per_layer.weight": _rows(10, _ROWS - 8)},
            _config(tie_word_embeddings=True),
            _words(_ROWS),
            ("<|end|>", "<|tool|>"),
        ),
        "claimed": _claimed(root),
        "talking": _talking(root / "talking"),
    }
    return folders


def _talking(folder: Path) -> Path:
    """Turns that no stop token ends, a marker that is no token, an inserted id without an entry, and an id
    that is stated and not given."""
    config = _config(vocab_size=_ROWS, tie_word_embeddings=True, eos_token_id=94)
    _write(folder, {EMBEDDING: _rows(11)}, config, _words(), ("<|end|>", "<|tool|>"))
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}<|user|>{{ m.content }}<|tool|>{% endfor %}"
        "{% if add_generation_prompt %}<|user|>{% endif %}"
    )
    document = json.loads((folder / "tokenizer.json").read_text())
    document["added_tokens"][-1]["id"] = 97
    document["post_processor"] = {"type": "BertProcessing", "sep": ["w1", 1], "cls": ["w2", _ROWS - 2]}
    (folder / "tokenizer.json").write_text(json.dumps(document))
    return folder


def _claimed(root: Path) -> Path:
    """A token in a placeholder's row that holds what the claim wrote."""
    config = _config(vocab_size=_ROWS, tie_word_embeddings=True)
    source = _write(root / "unclaimed", {EMBEDDING: _rows(8)}, config, _words(), ("<|end|>", "<|tool|>"))
    rowscope.claim_into(source, "<|new|>", root / "claimed", replace="<|reserved_1|>")
    return root / "claimed"


def _adapted(folder: Path) -> Path:
    """An adapter of `claimed` whose one row is the base's still."""
    folder.mkdir()
    name = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"
    save_file({name: _rows(8)[60:61]}, folder / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "trainable_token_indices": [60], "base_model_name_or_path": "claimed"}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


def _wrapped(folder: Path) -> Path:
    """Names of a compiled model, a weight that was not gathered, and what an unfinished download leaves."""
    config = _config(vocab_size=_ROWS, tie_word_embeddings=True)
    tensors = {f"_orig_mod.{EMBEDDING}": _rows(8), "_orig_mod.model.norm.weight": np.zeros(0, "f4")}
    _write(folder, tensors, config, _words(_ROWS), ("<|end|>", "<|tool|>"))
    (folder / "model.safetensors.part").write_bytes(b"")
    return folder


def _sharded(folder: Path) -> Path:
    """Untied by its config yet without a head; the index misses a tensor, a file, and the total size."""
    config = _config(vocab_size=_ROWS, tie_word_embeddings=False)
    bias = {"model.norm.bias": np.ones(3, "f4")}
    _write(folder, {EMBEDDING: _rows(6), **bias}, config, _words(_ROWS), ("<|end|>", "<|tool|>"))
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    more = {"model.norm.weight": np.ones(_WIDTH, "f4"), "model.layers.0.extra": np.ones(2, "f4"), **bias}
    save_file(more, folder / "model-00002-of-00002.safetensors")
    save_file({"model.norm.weight": np.ones(4, "f4")}, folder / "left_over.safetensors")
    places = {
        EMBEDDING: "model-00001-of-00002.safetensors",
        "model.norm.weight": "model-00001-of-00002.safetensors",
        "model.norm.bias": "model-00002-of-00002.safetensors",
        "mtp.fc.weight": "model-00002-of-00002.safetensors",
    }
    index = {"metadata": {"total_size": 7}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture(scope="session")
def reports(checkpoint_folders: Mapping[str, Path]) -> Mapping[str, Report]:
    """Audits of `checkpoint_folders` and of the demo, by name."""
    found = {name: rowscope.audit(folder) for name, folder in checkpoint_folders.items()}
    base = checkpoint_folders["claimed"]
    adapted = rowscope.audit(_adapted(base.parent / "adapted"), base=base)
    return {"demo": rowscope.audit("demo"), "adapted": adapted, **found}


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """run(*words) -> (exit code, standard output, standard error) of the command line, in this process."""
    from rowscope import cli

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rowscope", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capfd.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call
