"""VOC103 and VOC108: which size counts, and whether transformers loads the rows that are stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.errors import StrictDataclassFieldValidationError
from transformers import (
    AutoConfig,
    AutoModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2_5OmniConfig,
    Qwen2_5OmniForConditionalGeneration,
)

import rowscope

ROWS = 64
SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
MISSING = object()


def sizes(folder: Path) -> list[tuple[str, str]]:
    findings = rowscope.audit(folder).findings
    return [(item.code, item.severity) for item in findings if item.code in ("VOC103", "VOC108")]


def loads(folder: Path) -> bool:
    try:
        AutoModel.from_pretrained(folder)
    except (RuntimeError, ValueError, TypeError, AssertionError, StrictDataclassFieldValidationError):
        return False
    return True


def restated(folder: Path, value: object, *path: str) -> Path:
    """config.json with another vocab_size at a path."""
    whole = json.loads((folder / "config.json").read_text())
    scope = whole
    for key in path:
        scope = scope.setdefault(key, {})
    if value is MISSING:
        scope.pop("vocab_size", None)
    else:
        scope["vocab_size"] = value
    (folder / "config.json").write_text(json.dumps(whole))
    return folder


def llama(folder: Path, rows: int = ROWS) -> Path:
    LlamaForCausalLM(LlamaConfig(vocab_size=rows, **SMALL)).to(torch.bfloat16).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (ROWS, []),
        (MISSING, [("VOC108", "error")]),
        *((value, [("VOC108", "error")]) for value in (None, "64", 64.5, True, -64, [64])),
        *((value, [("VOC103", "error")]) for value in (0, ROWS - 1, ROWS + 1)),
    ],
)
def test_one_config(tmp_path: Path, value: object, found: list[tuple[str, str]]) -> None:
    folder = restated(llama(tmp_path), value)
    assert loads(folder) is (not found)
    assert sizes(folder) == found


def test_the_default_of_the_class_is_right(tmp_path: Path) -> None:
    folder = restated(llama(tmp_path, 32000), MISSING)
    assert loads(folder)
    assert sizes(folder) == []


def test_a_class_that_is_not_known(tmp_path: Path) -> None:
    folder = restated(llama(tmp_path), MISSING)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "of_its_own"}))
    assert not loads(folder)
    assert sizes(folder) == [("VOC108", "warning")]


def nested(folder: Path, kind: str) -> Path:
    """A model whose text part is built from a config inside, small."""
    config = AutoConfig.for_model(kind)
    text = config.get_text_config()
    for key, value in {**SMALL, "head_dim": 8, "vocab_size": ROWS, "pad_token_id": 0}.items():
        setattr(text, key, value)
    for part in ("vision_config", "audio_config"):
        inner = getattr(getattr(config, "thinker_config", config), part, None)
        for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "depth", "embed_dim", "layers"):
            if inner is not None and hasattr(inner, key):
                setattr(inner, key, {"num_hidden_layers": 1, "depth": 1, "layers": 1}.get(key, 32))
        if inner is not None and hasattr(inner, "num_attention_heads"):
            inner.num_attention_heads = 2
    AutoModel.from_config(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("outer", "inner", "found"),
    [
        (MISSING, ROWS, []),
        (9, ROWS, []),
        (ROWS, 9, [("VOC103", "error")]),
        (ROWS, MISSING, [("VOC108", "error")]),
    ],
)
def test_a_config_inside(tmp_path: Path, outer: object, inner: object, found: list[tuple[str, str]]) -> None:
    folder = restated(restated(nested(tmp_path, "mistral3"), outer), inner, "text_config")
    assert loads(folder) is (not found)
    assert sizes(folder) == found


def omni(folder: Path) -> Path:
    """A model that hears and sees, without its voice: the text part's config is two configs down."""
    text = {**SMALL, "vocab_size": ROWS, "pad_token_id": 0, "max_window_layers": 1}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]}
    seeing = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16}
    hearing = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16}
    thinking = {
        "text_config": text,
        "vision_config": seeing,
        "audio_config": {**hearing, "output_dim": 16, "num_mel_bins": 8},
    }
    config = Qwen2_5OmniConfig(enable_audio_output=False, thinker_config=thinking)
    Qwen2_5OmniForConditionalGeneration(config).save_pretrained(folder)
    torch.save({}, folder / "spk_dict.pt")  # its voices, which the class asks for
    return folder


@pytest.mark.parametrize("outer", [MISSING, 9])
def test_a_config_inside_of_one_inside(tmp_path: Path, outer: object) -> None:
    """thinker_config.text_config: read like text_config; the outermost may say anything."""
    folder = restated(omni(tmp_path), outer)
    model = Qwen2_5OmniForConditionalGeneration.from_pretrained(folder)
    assert model.thinker.get_input_embeddings().num_embeddings == ROWS
    assert rowscope.audit(folder).census.config_vocab_size == ROWS
    assert sizes(folder) == []
    restated(folder, 9, "thinker_config", "text_config")
    with pytest.raises(RuntimeError, match="mismatch"):
        Qwen2_5OmniForConditionalGeneration.from_pretrained(folder)
    assert sizes(folder) == [("VOC103", "error")]
