"""Tiny checkpoints to claim in: every tokenizer model, both layouts of files, tied or not, sharded or not."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

os.environ["HF_HUB_OFFLINE"] = "1"

WIDTH = 16
TEXT = [
    "The number of the tokens is the number of the rows, and the rows of the matrix are the tokens.",
    "def load(the_folder): return the_folder, and the numbers in the folder",
    "A reserved row is a row that has no token; an added token is a token that has a row.",
    "Training moves the rows of the tokens that stand in the text, and the other rows stay where they are.",
]
PLACEHOLDERS = ("<|reserved_0|>", "<|reserved_1|>", "<|reserved_2|>")
DTYPES = {"BF16": ml_dtypes.bfloat16, "F16": np.float16, "F32": np.float32, "F64": np.float64}


def _tokenizer(kind: str) -> Tokenizer:
    """A trained tokenizer with the special tokens `<s>` and `</s>`, an ordinary added one, placeholders."""
    special = ["<unk>", "<s>", "</s>"]
    if kind == "BPE":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer: Any = trainers.BpeTrainer(
            vocab_size=330, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        )
    elif kind == "WordPiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(
            vocab_size=120, special_tokens=[*special, "[unused0]"], show_progress=False
        )
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=80, special_tokens=[*special, "[unused0]"], unk_token="<unk>", show_progress=False
        )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.add_tokens([AddedToken("<|plain|>", normalized=False)])
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in PLACEHOLDERS])
    return tokenizer


def _settings(folder: Path, tokenizer: Tokenizer, layout: str) -> None:
    """tokenizer_config.json as transformers 5 writes it, or all the files of transformers 4."""
    config: dict[str, Any] = {"eos_token": "</s>", "tokenizer_class": "PreTrainedTokenizerFast"}
    if layout == "today":
        config["extra_special_tokens"] = [PLACEHOLDERS[2]]
    else:
        document = json.loads(tokenizer.to_str())
        entries = {str(entry.pop("id")): dict(sorted(entry.items())) for entry in document["added_tokens"]}
        config["added_tokens_decoder"] = entries
        config["additional_special_tokens"] = [PLACEHOLDERS[2]]
        named = {"eos_token": {"content": "</s>", "lstrip": False, "normalized": False}}
        special = {"additional_special_tokens": [PLACEHOLDERS[2]], **named}
        (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
        ids = {entry["content"]: int(id) for id, entry in entries.items()}
        (folder / "added_tokens.json").write_text(json.dumps(ids, indent=2) + "\n")
        if "merges" in document["model"]:
            vocabulary = json.dumps(document["model"]["vocab"], ensure_ascii=False)
            (folder / "vocab.json").write_text(vocabulary, encoding="utf-8")
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def _matrix(seed: int, used: int, rows: int) -> NDArray[np.float64]:
    """Rows that look trained; reserved ones are near-copies of one vector, as training leaves them."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 6)) @ random.normal(size=(6, WIDTH))
    matrix += 0.3 * random.normal(size=matrix.shape) + 0.4
    matrix[used:] = random.normal(size=WIDTH) + 1e-3 * random.normal(size=(rows - used, WIDTH))
    return 0.05 * matrix


def _tensors(seed: int, used: int, rows: int, tied: bool) -> dict[str, NDArray[np.float64]]:
    """A Llama of one layer."""
    random = np.random.default_rng(seed)
    layer = "model.layers.0."
    shapes = {f"{layer}self_attn.{name}_proj.weight": (WIDTH, WIDTH) for name in "qkvo"}
    shapes |= {f"{layer}mlp.{name}_proj.weight": (32, WIDTH) for name in ("gate", "up")}
    shapes[f"{layer}mlp.down_proj.weight"] = (WIDTH, 32)
    tensors = {name: 0.1 * random.normal(size=shape) for name, shape in shapes.items()}
    norms = (f"{layer}input_layernorm.weight", f"{layer}post_attention_layernorm.weight", "model.norm.weight")
    tensors |= {name: np.ones(WIDTH) for name in norms}
    tensors["model.embed_tokens.weight"] = _matrix(seed + 1, used, rows)
    if not tied:
        tensors["lm_head.weight"] = _matrix(seed + 2, used, rows)
    return tensors


def save(path: Path, tensors: Mapping[str, NDArray[np.float64]], dtype: str) -> None:
    """Write a safetensors file in a dtype, through the format's own library."""
    save_file({name: a.astype(DTYPES[dtype]) for name, a in tensors.items()}, path, {"format": "pt"})


def _weights(folder: Path, tensors: dict[str, NDArray[np.float64]], dtype: str, shards: int) -> None:
    if shards == 1:
        save(folder / "model.safetensors", tensors, dtype)
        return
    names = list(tensors)
    parts = [names[part::shards] for part in range(shards)]
    files = [f"model-{part + 1:05d}-of-{shards:05d}.safetensors" for part in range(shards)]
    for file, members in zip(files, parts, strict=True):
        save(folder / file, {name: tensors[name] for name in members}, dtype)
    places = {name: file for file, members in zip(files, parts, strict=True) for name in members}
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


@pytest.fixture(scope="session")
def tokenizers_of() -> Callable[[str], Tokenizer]:
    """A trained tokenizer by its model's name; each is trained once."""
    made: dict[str, Tokenizer] = {}

    def of(kind: str) -> Tokenizer:
        return made.setdefault(kind, _tokenizer(kind)) if kind not in made else made[kind]

    return of


Make = Callable[..., Path]


@pytest.fixture(scope="session")
def make(tokenizers_of: Callable[[str], Tokenizer]) -> Make:
    """make(folder, kind="BPE", layout="today", tied=True, dtype="BF16", shards=1, reserved=10) -> folder."""

    def make(
        folder: Path,
        kind: str = "BPE",
        layout: str = "today",
        tied: bool = True,
        dtype: str = "BF16",
        shards: int = 1,
        reserved: int = 10,
    ) -> Path:
        folder.mkdir(parents=True)
        tokenizer = tokenizers_of(kind)
        tokenizer.save(str(folder / "tokenizer.json"))
        _settings(folder, tokenizer, layout)
        used = tokenizer.get_vocab_size()
        tensors = _tensors(1, used - len(PLACEHOLDERS), used + reserved, tied)
        _weights(folder, tensors, dtype, shards)
        config = {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": used + reserved,
            "hidden_size": WIDTH,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "tie_word_embeddings": tied,
            "eos_token_id": tokenizer.token_to_id("</s>"),
            "bos_token_id": tokenizer.token_to_id("<s>"),
        }
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        return folder

    return make


def _contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, str]]:
    """Hash of every file below a folder, by relative name."""
    return _contents
