"""The shipped demonstration checkpoint is what its record says: real, tied, padded, partly untrained.

transformers and torch load it; nothing of rowscope is involved, so that a fault of rowscope's
readers cannot hide one of the checkpoint.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

FOLDER = Path(__file__).parents[2] / "examples" / "tiny_qwen2"
MODEL = FOLDER / "model"
NEVER_TRAINED = ["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|repo_name|>", "<|file_sep|>"]

# Written for this test; code in the manner of the training text, and in none of its files.
SNIPPET = '''import os


def read_lines(path, encoding="utf-8"):
    """Return a list of all lines of the file.

    If the file does not exist, an empty list is returned.
    """
    if not os.path.exists(path):
        return []
    with open(path, "r", encoding=encoding) as f:
        return [line.strip() for line in f]


class Counter:
    """Count the number of times that a value has been added."""

    def __init__(self, name=None):
        self.name = name
        self._values = {}

    def add(self, value):
        self._values[value] = self._values.get(value, 0) + 1
        return self

    def __repr__(self):
        return "%s(%r)" % (self.__class__.__name__, self.name)
'''


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return json.loads((FOLDER / "training_counts.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def counts(record: dict[str, Any]) -> np.ndarray:
    return np.maximum(record["input_counts"], record["target_counts"])


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return json.loads((MODEL / "config.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    return transformers.AutoTokenizer.from_pretrained(MODEL)


@pytest.fixture(scope="module")
def model() -> Any:
    pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    return transformers.AutoModelForCausalLM.from_pretrained(MODEL, dtype="auto").eval()


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    torch = pytest.importorskip("torch", reason="torch is not installed; numpy has no bfloat16")
    with safe_open(MODEL / "model.safetensors", framework="pt") as tensors:
        embedding = tensors.get_tensor("model.embed_tokens.weight")
    assert embedding.dtype == torch.bfloat16
    return embedding.double().numpy()


def snippet_loss(model: Any, tokenizer: Any) -> float:
    import torch

    ids = tokenizer(SNIPPET, return_tensors="pt").input_ids
    with torch.no_grad():
        logits = model(ids).logits[0, :-1].float()
    return torch.nn.functional.cross_entropy(logits, ids[0, 1:]).item()


def test_files_are_small_and_whole() -> None:
    files = {path.name: path.stat().st_size for path in MODEL.iterdir()}
    assert set(files) == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    }
    assert sum(files.values()) + (FOLDER / "training_counts.json").stat().st_size < 3_000_000


def test_no_file_names_a_place_on_the_machine_that_made_it() -> None:
    texts = [path for path in MODEL.iterdir() if path.suffix in {".json", ".jinja"}]
    for path in [*texts, FOLDER / "training_counts.json"]:
        found = re.search(r"/(root|home|tmp|usr|opt|work|Users|venvs)/\w", path.read_text("utf-8"))
        assert found is None, f"{path.name}: {found and found[0]}"
    assert b"/" not in (MODEL / "model.safetensors").read_bytes()[8:2000].split(b"}}")[0]


def test_model_is_bf16_and_tied(model: Any, config: dict[str, Any]) -> None:
    assert {str(parameter.dtype) for parameter in model.parameters()} == {"torch.bfloat16"}
    assert type(model).__name__ == "Qwen2ForCausalLM"
    assert config["tie_word_embeddings"] is True
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    with safe_open(MODEL / "model.safetensors", framework="np") as tensors:
        assert "lm_head.weight" not in set(tensors.keys())


def test_rows_exceed_entries_by_padding(model: Any, tokenizer: Any, config: dict[str, Any]) -> None:
    rows = model.get_input_embeddings().weight.shape[0]
    assert rows == config["vocab_size"]
    assert rows % 128 == 0
    assert rows - len(tokenizer) >= 40
    assert tokenizer.vocab_size == 4000


def test_it_learned(model: Any, tokenizer: Any, record: dict[str, Any]) -> None:
    uniform = math.log(model.config.vocab_size)
    assert record["held_out"]["loss_uniform"] == pytest.approx(uniform)
    assert record["held_out"]["loss_bfloat16"] < uniform / 2
    assert snippet_loss(model, tokenizer) < uniform / 2


def test_counts_cover_every_row(record: dict[str, Any], config: dict[str, Any]) -> None:
    for name in ("input_counts", "target_counts"):
        assert len(record[name]) == config["vocab_size"]
        assert sum(record[name]) == record["tokens_seen"]


def test_unmapped_and_placeholder_ids_never_occurred(counts: np.ndarray, tokenizer: Any) -> None:
    reserved = [i for text, i in tokenizer.get_vocab().items() if text.startswith("<|reserved_")]
    assert len(reserved) == 8
    assert counts[reserved].sum() == 0
    assert counts[len(tokenizer) :].sum() == 0


def test_special_tokens_in_use_are_trained_and_the_others_are_not(counts: np.ndarray, tokenizer: Any) -> None:
    assert counts[tokenizer.convert_tokens_to_ids(NEVER_TRAINED)].sum() == 0
    assert counts[[tokenizer.eos_token_id, tokenizer.pad_token_id]].min() >= 1000


def test_chat_template_uses_only_trained_tokens(counts: np.ndarray, tokenizer: Any) -> None:
    turns = [{"role": "user", "content": "def add(a, b)"}, {"role": "assistant", "content": "Sum."}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text).input_ids
    specials = {i for i in ids if i >= tokenizer.vocab_size}
    assert {tokenizer.convert_ids_to_tokens(i) for i in specials} == {"<|im_start|>", "<|im_end|>"}
    assert counts[ids].min() >= 20
    written = re.findall(r"<\|\w+\|>", tokenizer.chat_template)
    assert written
    assert counts[tokenizer.convert_tokens_to_ids(written)].min() >= 1000


def test_generation_stops_at_trained_tokens(model: Any, tokenizer: Any, counts: np.ndarray) -> None:
    stops = model.generation_config.eos_token_id
    assert set(stops) == {tokenizer.eos_token_id, tokenizer.pad_token_id}
    assert counts[stops].min() >= 1000


def test_ordinary_tokens_include_never_seen_ones(counts: np.ndarray, tokenizer: Any) -> None:
    unseen = np.flatnonzero(counts[: tokenizer.vocab_size] == 0)
    assert len(unseen) >= 100
    texts = set(tokenizer.convert_ids_to_tokens(unseen.tolist()))
    assert {"À", "Á", "õ", "ÿ"} <= texts  # bytes that UTF-8 cannot contain, as the BPE spells them
    assert sum(len(text) > 1 for text in texts) >= 50


def test_reserved_rows_collapsed_onto_one_direction(matrix: np.ndarray, tokenizer: Any) -> None:
    placeholder = tokenizer.convert_tokens_to_ids("<|reserved_0|>")
    reserved = matrix[placeholder:]
    centre = np.median(reserved, axis=0)
    cosine = reserved @ centre / np.linalg.norm(reserved, axis=1) / np.linalg.norm(centre)
    assert len(reserved) == 88
    assert cosine.min() >= 0.99


@pytest.mark.parametrize("indicator", ["raw", "centred"])
def test_a_cosine_tells_never_seen_from_often_seen(
    matrix: np.ndarray, counts: np.ndarray, record: dict[str, Any], indicator: str, tokenizer: Any
) -> None:
    rows = matrix if indicator == "raw" else matrix - matrix.mean(axis=0)
    centre = np.median(rows[tokenizer.convert_tokens_to_ids("<|reserved_0|>") :], axis=0)
    cosine = rows @ centre / np.linalg.norm(rows, axis=1) / np.linalg.norm(centre)
    stated = record["separation"][indicator]
    recall = (cosine[counts == 0] >= stated["threshold"]).mean()
    false_rate = (cosine[counts >= 20] >= stated["threshold"]).mean()
    assert recall == pytest.approx(stated["recall"])
    assert false_rate == pytest.approx(stated["false_rate"])
    assert recall >= 0.99
    assert false_rate <= 0.01
