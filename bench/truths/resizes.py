"""Checkpoints as transformers resizes them: rows added in its three ways, trained no further."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

import rowscope

TOKENIZER_FILES: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "special_tokens_map.json",
    "chat_template.jinja",
    "generation_config.json",
)


@dataclass(frozen=True, slots=True)
class Resize:
    """How a matrix grows.

    Attributes:
        tokens: added to the tokenizer.
        rows: added to the matrix beside; 0 where the tokens' own are all.
        mean: transformers' `mean_resizing`.
        multiple: transformers' `pad_to_multiple_of`.
        trimmed: cut the matrix to the tokenizer's length first, so that the tokens get new rows.
    """

    name: str
    tokens: int
    rows: int = 0
    mean: bool = True
    multiple: int | None = None
    trimmed: bool = False


def resizes(counts: tuple[int, ...]) -> list[Resize]:
    """transformers' three ways, for each number of tokens, on the whole matrix and on the trimmed one."""
    found = []
    for trimmed in (False, True):
        for n in counts:
            where = "trimmed to the tokenizer, " if trimmed else ""
            found += [
                Resize(f"{where}{n} tokens, mean", n, trimmed=trimmed),
                Resize(f"{where}{n} tokens, random", n, mean=False, trimmed=trimmed),
                Resize(f"{where}{n} tokens, mean, multiple of 64", n, multiple=64, trimmed=trimmed),
            ]
    return found


def paddings() -> list[Resize]:
    """Independent random rows, and no token for them."""
    return [Resize(f"{rows} random rows", 0, rows=rows, mean=False) for rows in (8, 64, 128)]


def reduce(source: Path, target: Path) -> Path:
    """The checkpoint without its layers, which have no say in its vocabulary rows, in one file."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    target.mkdir(parents=True)
    kept = {}
    for path in sorted(source.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - no mapping
                if ".layers." not in name and ".layer." not in name:
                    kept[name] = file.get_tensor(name)
    save_file(kept, target / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text()) | {"num_hidden_layers": 0}
    config.pop("layer_types", None)
    (target / "config.json").write_text(json.dumps(config))
    for name in TOKENIZER_FILES:
        if (source / name).exists():
            shutil.copy(source / name, target / name)
    return target


def untie(source: Path, target: Path) -> Path:
    """A tied checkpoint of one file with its matrix stored twice, and a config that says untied."""
    from safetensors.torch import load_file, save_file

    target.mkdir(parents=True)
    tensors = load_file(source / "model.safetensors")
    tensors["lm_head.weight"] = tensors[rowscope.open_checkpoint(source).matrices[0].tensor].clone()
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text()) | {"tie_word_embeddings": False}
    (target / "config.json").write_text(json.dumps(config))
    for name in TOKENIZER_FILES:
        if (source / name).exists():
            shutil.copy(source / name, target / name)
    return target


def apply(resize: Resize, source: Path, target: Path) -> tuple[int, int]:
    """Resize with transformers and save; returns the first and the last new row's end."""
    import torch
    from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, logging

    logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    torch.manual_seed(resize.tokens + resize.rows)
    config = json.loads((source / "config.json").read_text())
    causal = any("CausalLM" in name for name in config["architectures"])
    model = (AutoModelForCausalLM if causal else AutoModel).from_pretrained(source, dtype="auto")
    tokenizer = AutoTokenizer.from_pretrained(source)
    if resize.trimmed:
        model.resize_token_embeddings(len(tokenizer))
    before = model.get_input_embeddings().weight.shape[0]
    if resize.tokens:
        tokenizer.add_tokens([f"<|new_{at}|>" for at in range(resize.tokens)])
    size = before + (resize.tokens or resize.rows)
    model.resize_token_embeddings(size, pad_to_multiple_of=resize.multiple, mean_resizing=resize.mean)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    after = model.get_input_embeddings().weight.shape[0]
    assert np.isfinite(float(model.get_input_embeddings().weight.float().sum()))
    return before, after
