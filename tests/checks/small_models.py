"""Small models as transformers saves them, with a tokenizer of their size; what it says when it loads one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers

ROWS, WIDTH = 96, 16
TEXT = {
    "vocab_size": ROWS,
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
EYES = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
EYES |= {"image_size": 28, "patch_size": 14}
SIDES = {
    "vocab_size": ROWS,
    "d_model": WIDTH,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "pad_token_id": 95,
    "decoder_start_token_id": 95,
    "eos_token_id": 0,
}
CROSSED = TEXT | {
    "cross_attention_layers": [0],
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
}
LAYERED = {
    "hidden_size_per_layer_input": 8,
    "vocab_size_per_layer_input": ROWS,
    "num_kv_shared_layers": 0,
    "layer_types": ["full_attention"],
    "global_head_dim": 8,
}
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "llama": ("llama", "LlamaForCausalLM", TEXT),
    "gemma": ("gemma", "GemmaForCausalLM", TEXT),
    "gpt2": (
        "gpt2",
        "GPT2LMHeadModel",
        {"vocab_size": ROWS, "n_embd": WIDTH, "n_layer": 1, "n_head": 2,
         "bos_token_id": 1, "eos_token_id": 2},
    ),
    "bert": ("bert", "BertForMaskedLM", TEXT),
    "roberta": ("roberta", "RobertaForMaskedLM", TEXT | {"pad_token_id": 1}),
    "t5": (
        "t5",
        "T5ForConditionalGeneration",
        {"vocab_size": ROWS, "d_model": WIDTH, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2},
    ),
    "marian": ("marian", "MarianMTModel", SIDES),
    "llava": (
        "llava",
        "LlavaForConditionalGeneration",
        {"vision_config": EYES | {"model_type": "clip_vision_model"}, "text_config": TEXT,
         "image_token_index": 3},
    ),
    "gemma3": (
        "gemma3",
        "Gemma3ForConditionalGeneration",
        {"vision_config": EYES, "text_config": TEXT, "mm_tokens_per_image": 4, "image_token_index": 3,
         "boi_token_index": 4, "eoi_token_index": 5},
    ),
    "mllama": (
        "mllama",
        "MllamaForConditionalGeneration",
        {"text_config": CROSSED, "image_token_index": ROWS, "vision_config": {
            "num_hidden_layers": 1, "num_global_layers": 1, "hidden_size": WIDTH, "attention_heads": 2,
            "intermediate_size": 32, "image_size": 28, "patch_size": 14, "vision_output_dim": 32,
            "intermediate_layers_indices": [0], "max_num_tiles": 1,
            "supported_aspect_ratios": [[1, 1]]}},
    ),
    "gemma4": ("gemma4_text", "Gemma4ForCausalLM", TEXT | LAYERED),
}  # fmt: skip


def save(folder: Path, kind: str, *, tokens: int = ROWS, **settings: Any) -> Path:
    """A model of `kind` and a tokenizer of `tokens` words."""
    model_type, name, known = MODELS[kind]
    config = transformers.AutoConfig.for_model(model_type, **{**known, **settings})
    torch.manual_seed(0)
    model = getattr(transformers, name)(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.1)
    model.save_pretrained(folder)
    words = tokenizers.models.WordLevel({f"w{id}": id for id in range(tokens)}, unk_token="w0")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer(words), unk_token="w0"
    ).save_pretrained(folder)
    return folder


def cls(folder: Path) -> Any:
    """The class that config.json names."""
    return getattr(transformers, read(folder)["architectures"][0])


def faults(folder: Path) -> list[str]:
    """What transformers misses or refuses when it loads; nothing where it loads without a word."""
    try:
        _, info = cls(folder).from_pretrained(folder, output_loading_info=True)
    except (RuntimeError, ValueError, IndexError) as error:
        return [str(error)]
    return [*info["missing_keys"], *map(str, info["mismatched_keys"]), *info["unexpected_keys"]]


def read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return found


def put(folder: Path, place: str, value: Any) -> None:
    """Set a key of config.json, `text_config.vocab_size`; None takes it out."""
    document = read(folder)
    *outer, key = place.split(".")
    scope = document
    for name in outer:
        scope = scope[name]
    scope.pop(key, None)
    if value is not None:
        scope[key] = value
    (folder / "config.json").write_text(json.dumps(document))
