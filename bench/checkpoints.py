"""Checkpoints to measure on, generated: the shape of Qwen2.5-0.5B, and sparse giants."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import numpy as np

QWEN_ROWS, QWEN_WIDTH, QWEN_ENTRIES = 151_936, 896, 151_665
"""Rows and width of Qwen2.5-0.5B's matrix, entries of its tokenizer."""

QWEN_LAYERS, QWEN_INNER, QWEN_KEYS = 24, 4_864, 128
"""Its layers, the width inside of their MLPs, and of their keys and values."""


def write_header(path: Path, tensors: dict[str, tuple[str, list[int], int]]) -> int:
    """Write a safetensors header for `name -> (dtype, shape, bytes)`; returns where the data starts."""
    table, offset = {}, 0
    for name, (dtype, shape, size) in tensors.items():
        table[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)
    return 8 + len(text)


def to_bf16(values: np.ndarray) -> np.ndarray:
    """float32 -> bfloat16 bits, round to nearest even."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def write_qwen_shape(
    folder: Path,
    rows: int = QWEN_ROWS,
    width: int = QWEN_WIDTH,
    entries: int = QWEN_ENTRIES,
    layers: int = 0,
) -> Path:
    """A tied bf16 checkpoint with collapsed reserved rows, and a tokenizer of `entries` entries.

    Used rows share a mean and leading directions, as trained ones do; the rows from `entries` on, and one
    used row in fifty, are copies of one vector to within rounding. `layers` adds so many of the model's
    layers, which transformers loads and no audit reads, of random values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shapes = qwen_shapes(rows, width, layers)
    sizes = {name: ("BF16", shape, 2 * math.prod(shape)) for name, shape in shapes.items()}
    path = folder / "model.safetensors"
    start = write_header(path, sizes)
    random = np.random.default_rng(0)
    mean = random.normal(0, 0.004, width)
    basis = random.normal(0, 1, (8, width)) / np.sqrt(width)
    untrained = random.normal(0, 0.01, width)
    with path.open("r+b") as file:
        file.seek(start)
        for at in range(0, rows, 8192):
            ids = np.arange(at, min(at + 8192, rows))
            block = mean + random.normal(0, 0.014, (ids.size, width))
            block += random.normal(0, 0.2, (ids.size, 8)) @ basis
            idle = (ids >= entries) | (ids % 50 == 7)
            block[idle] = untrained * (1 + random.normal(0, 1e-3, (int(idle.sum()), width)))
            file.write(to_bf16(block).tobytes())
        for shape in list(shapes.values())[1:]:
            file.write(to_bf16(random.normal(0, 0.02, math.prod(shape)).astype(np.float32)).tobytes())
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "vocab_size": rows,
        "hidden_size": width,
        "intermediate_size": QWEN_INNER,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 64,
        "num_key_value_heads": QWEN_KEYS // 64,
        "tie_word_embeddings": True,
        "eos_token_id": entries - 1,
        "torch_dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(config))
    write_tokenizer(folder, entries)
    return folder


def qwen_shapes(rows: int, width: int, layers: int) -> dict[str, list[int]]:
    """Shape of every tensor of a Qwen2 model, the input matrix first."""
    shapes = {"model.embed_tokens.weight": [rows, width], "model.norm.weight": [width]}
    for at in range(layers):
        layer = f"model.layers.{at}"
        for name, size in (("q", width), ("k", QWEN_KEYS), ("v", QWEN_KEYS)):
            shapes[f"{layer}.self_attn.{name}_proj.weight"] = [size, width]
            shapes[f"{layer}.self_attn.{name}_proj.bias"] = [size]
        shapes[f"{layer}.self_attn.o_proj.weight"] = [width, width]
        for name in ("gate", "up"):
            shapes[f"{layer}.mlp.{name}_proj.weight"] = [QWEN_INNER, width]
        shapes[f"{layer}.mlp.down_proj.weight"] = [width, QWEN_INNER]
        for name in ("input", "post_attention"):
            shapes[f"{layer}.{name}_layernorm.weight"] = [width]
    return shapes


def write_tokenizer(folder: Path, entries: int) -> None:
    """A byte-level BPE tokenizer.json of `entries` entries, 22 of them added, a merge for each longer one."""
    letters = [chr(c) for c in (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x144))][:256]
    vocab = {letter: at for at, letter in enumerate(letters)}
    merges = []
    pieces = list(letters)
    base = entries - 22
    at = 0
    while len(vocab) < base:
        left, right = pieces[at // 256], letters[at % 256]
        at += 1
        if left + right not in vocab:
            vocab[left + right] = len(vocab)
            pieces.append(left + right)
            merges.append([left, right])
    added = [
        {
            "id": base + i,
            # Qwen2's tokenizer class would add an end of text that is not there.
            "content": f"<|special_word_{chr(97 + i)}|>" if i else "<|endoftext|>",
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i in range(22)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": merges,
        },
    }
    (folder / "tokenizer.json").write_text(
        json.dumps(tokenizer, ensure_ascii=False, indent=2), encoding="utf-8"
    )
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))


def write_sparse_giant(folder: Path, shards: int = 191, total: int = 800 * 10**9) -> Path:
    """A sharded checkpoint of `total` bytes that takes almost no disk: holes where the tensors are."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"model-{at + 1:05d}-of-{shards:05d}.safetensors" for at in range(shards)]
    each = total // shards // 3
    rows, width = 163_840, 12_288
    weight_map = {}
    for at, name in enumerate(names):
        layer = f"model.layers.{at}.mlp"
        tensors = {
            f"{layer}.{kind}_proj.weight": ("BF16", [each // 2], each) for kind in ("up", "down", "gate")
        }
        if at == 0:
            tensors["model.embed_tokens.weight"] = ("BF16", [rows, width], rows * width * 2)
        if at == shards - 1:
            tensors["lm_head.weight"] = ("BF16", [rows, width], rows * width * 2)
        write_header(folder / name, tensors)
        weight_map.update(dict.fromkeys(tensors, name))
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config = {
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": rows,
        "hidden_size": width,
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder
