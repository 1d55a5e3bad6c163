"""Checkpoints with the faults that the pages of findings show, made of the demo: code -> what to run."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401 - gives numpy its bfloat16
import numpy as np
from safetensors.numpy import load_file, save_file

import rowscope

DEMO = Path(rowscope.__file__).parent / "demo"
EMBEDDING = "model.embed_tokens.weight"


def _demo(at: Path) -> Path:
    return Path(shutil.copytree(DEMO, at, symlinks=False))


def _edit(path: Path, change: Callable[[Any], Any]) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def _tensors(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})


def header_too_long(at: Path) -> list[str]:
    at.mkdir()
    (at / "model.safetensors").write_bytes(np.uint64(0xFFFFFFFF).tobytes() + b"{}")
    return ["inspect", "qwen/model.safetensors"]


def missing_shard(at: Path) -> list[str]:
    _demo(at)
    (at / "model.safetensors").rename(at / "model-00001-of-00002.safetensors")
    shards = {EMBEDDING: "model-00001-of-00002.safetensors", "x": "model-00002-of-00002.safetensors"}
    (at / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    return ["audit", "qwen"]


def shard_elsewhere(at: Path) -> list[str]:
    _demo(at)
    (at / "model.safetensors").unlink()
    shards = {EMBEDDING: "../../x.safetensors"}
    (at / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    return ["audit", "qwen"]


def unfinished(at: Path) -> list[str]:
    (_demo(at) / "model.safetensors.aria2").write_bytes(b"")
    return ["audit", "qwen"]


def compiled(at: Path) -> list[str]:
    _tensors(_demo(at), lambda all: {f"_orig_mod.{name}": tensor for name, tensor in all.items()})
    return ["audit", "qwen"]


def not_gathered(at: Path) -> list[str]:
    kept = (EMBEDDING, "model.norm.weight")
    empty = np.zeros(0, "f4")
    _tensors(_demo(at), lambda all: {name: all[name] if name in kept else empty for name in all})
    return ["audit", "qwen"]


def two_rows_changed(at: Path) -> list[str]:
    def change(all: dict[str, Any]) -> dict[str, Any]:
        rows = all[EMBEDDING].astype(np.float32)
        rows[3, 0] += np.float32(0.1)
        rows[7, 0] += np.float32(0.05)
        return {**all, EMBEDDING: rows}

    _tensors(_demo(at), lambda all: {**all, EMBEDDING: all[EMBEDDING].astype(np.float32)})
    _tensors(_demo(at.parent / "tuned"), change)
    return ["diff", "qwen", "tuned", "--expect-unchanged", "0:100"]


def added_and_not_trained(at: Path) -> list[str]:
    """Two tokens added behind the demo's, whose rows are the mean of all, as a resize leaves them."""
    _demo(at)

    def fill(all: dict[str, Any]) -> dict[str, Any]:
        rows = all[EMBEDDING]
        rows[4016:4018] = rows.astype(np.float32).mean(0).astype(rows.dtype)
        return {**all, EMBEDDING: rows}

    def add(tokenizer: dict[str, Any]) -> None:
        last = tokenizer["added_tokens"][-1]
        names = enumerate(("<|call|>", "<|answer|>"), start=4016)
        tokenizer["added_tokens"] += [{**last, "id": id, "content": name} for id, name in names]

    _tensors(at, fill)
    _edit(at / "tokenizer.json", add)
    with (at / "chat_template.jinja").open("a", encoding="utf-8") as template:
        template.write("{%- if tools -%}{{- '<|call|>' + tools + '<|answer|>' -}}{%- endif -%}")
    return ["audit", "qwen"]


def stops_elsewhere(at: Path) -> list[str]:
    _demo(at)
    _edit(at / "generation_config.json", lambda settings: settings.update(eos_token_id=4000))
    return ["audit", "qwen"]


def no_markers(at: Path) -> list[str]:
    template = (_demo(at) / "chat_template.jinja").read_text(encoding="utf-8")
    roles = "'<|start_of_role|>' + message['role'] + '<|end_of_role|>'"
    template = template.replace("'<|im_start|>' + message['role'] + '\\n'", roles)
    (at / "chat_template.jinja").write_text(template, encoding="utf-8")
    return ["audit", "qwen"]


def processed_beyond(at: Path) -> list[str]:
    processor = {"type": "BertProcessing", "sep": ["<|im_end|>", 4002], "cls": ["<|im_start|>", 9999]}
    _demo(at)
    _edit(at / "tokenizer.json", lambda tokenizer: tokenizer.update(post_processor=processor))
    return ["audit", "qwen"]


def stated_twice(at: Path) -> list[str]:
    """The first placeholder is stated with the id of the token before it."""

    def change(tokenizer: dict[str, Any]) -> None:
        for token in tokenizer["added_tokens"][8:]:
            token["id"] -= 1

    _demo(at)
    _edit(at / "tokenizer.json", change)
    _edit(at / "tokenizer_config.json", lambda it: it.update(tokenizer_class="PreTrainedTokenizerFast"))
    return ["audit", "qwen"]


def unreachable(at: Path) -> list[str]:
    return ["audit", "demo", "--reachability"]


def adapter_left_alone(at: Path) -> list[str]:
    """Three rows in an adapter's `trainable_token_indices`, one of them as in the base."""
    at.mkdir()
    ids = [4003, 4008, 4009]
    rows = load_file(DEMO / "model.safetensors")[EMBEDDING][ids].astype(np.float32)
    rows[[0, 2], 0] += np.float32(0.5)
    name = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"
    save_file({name: rows}, at / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "trainable_token_indices": ids, "base_model_name_or_path": "demo"}
    (at / "adapter_config.json").write_text(json.dumps(settings))
    return ["audit", "qwen", "--base", "demo"]


def one_layer(at: Path) -> Path:
    """The demo with its first layer alone: a probe of it means little, and takes little time."""
    kept = re.compile(r"model\.layers\.[1-9]")
    _tensors(_demo(at), lambda all: {name: all[name] for name in all if not kept.match(name)})
    _edit(at / "config.json", lambda it: it.update(num_hidden_layers=1, layer_types=["full_attention"]))
    return at


MADE = {
    "DIF501": two_rows_changed,
    "FIL001": header_too_long,
    "FIL003": missing_shard,
    "FIL004": shard_elsewhere,
    "FIL005": unfinished,
    "FIL006": compiled,
    "FIL007": not_gathered,
    "TOK303": unreachable,
    "TOK304": added_and_not_trained,
    "TOK305": stops_elsewhere,
    "TOK306": no_markers,
    "TOK307": processed_beyond,
    "TOK308": stated_twice,
    "TOK309": adapter_left_alone,
}
