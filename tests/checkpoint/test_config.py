"""An unusable config leaves the checkpoint open; a usable one is read with its types checked."""

from __future__ import annotations

import json

import pytest

from rowscope.inspector.checkpoint import open_checkpoint

from ..writing import EMBED, write


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "not in"),
        (b"", "not JSON"),
        (b"[]", "a list"),
        (b"null", "null"),
        (b'"text"', "string"),
        (b'{"a": ', "not JSON"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b"{" * 100_000, "JSON"),
        (b"[" * 100_000, "nested"),
        (b'{"vocab_size": ' + b"1" * 10_000 + b"}", "JSON"),
    ],
)
def test_unusable_config_leaves_the_checkpoint_open(content, word, tmp_path):
    write(tmp_path, "model.safetensors", EMBED)
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
        (tmp_path / "generation_config.json").write_bytes(content)
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.config is None
    assert checkpoint.generation_config is None
    assert checkpoint.skipped[0].what == "config.json"
    assert word in checkpoint.skipped[0].why
    assert len(checkpoint.skipped) == (1 if content is None else 2)
    assert (checkpoint.model_type, checkpoint.architectures, checkpoint.quantization) == (None, (), None)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, (None, (), None)),
        ({"model_type": 3, "architectures": "X"}, (None, (), None)),
        ({"model_type": "t5", "architectures": ["A", 1, "B"]}, ("t5", ("A", "B"), None)),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, (None, (), "gptq")),
        ({"quantization_config": {"bits": 4}}, (None, (), "unnamed")),
        ({"quantization_config": None}, (None, (), None)),
        ({"text_config": {"quantization_config": {"quant_method": "awq"}}}, (None, (), "awq")),
        ({"compression_config": {"quant_method": "compressed-tensors"}}, (None, (), "compressed-tensors")),
        ({"quantization": {"group_size": 64, "bits": 4}}, (None, (), "mlx")),
        ({"quantization": {"bits": 4}, "quantization_config": {"bits": 4}}, (None, (), "mlx")),
    ],
)
def test_what_the_config_says(config, expected, tmp_path):
    write(tmp_path, "model.safetensors", EMBED)
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    checkpoint = open_checkpoint(tmp_path)
    assert (checkpoint.model_type, checkpoint.architectures, checkpoint.quantization) == expected
