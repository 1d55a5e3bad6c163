"""Vocabulary matrices of the common families, as transformers writes them."""

import json

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import CheckpointError

torch = pytest.importorskip("torch", reason="extra model")
transformers = pytest.importorskip("transformers", reason="extra model")

SMALL = {
    "vocab_size": 160,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
SMALL |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
NARROW = {"vocab_size": 160, "n_embd": 16, "n_layer": 1, "n_head": 2, "bos_token_id": 1, "eos_token_id": 2}
PAIRED = {"vocab_size": 160, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "pad_token_id": 0}
PAIRED |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "eos_token_id": 2, "bos_token_id": 1}
PAIRED |= {"decoder_start_token_id": 0, "forced_eos_token_id": 2}

FAMILIES = [
    ("llama", "CausalLM", SMALL),
    ("qwen2", "CausalLM", SMALL | {"num_key_value_heads": 2}),
    ("qwen2", "CausalLM", SMALL | {"num_key_value_heads": 2, "tie_word_embeddings": True}),
    ("mistral", "CausalLM", SMALL | {"num_key_value_heads": 2}),
    ("gemma3_text", "CausalLM", SMALL | {"num_key_value_heads": 2, "head_dim": 8}),
    ("gpt_neox", "CausalLM", SMALL),
    ("gpt2", "CausalLM", NARROW),
    ("gptj", "CausalLM", NARROW | {"rotary_dim": 4}),
    ("phi", "CausalLM", SMALL),
    ("opt", "CausalLM", SMALL | {"ffn_dim": 32, "word_embed_proj_dim": 16}),
    ("bloom", "CausalLM", {"vocab_size": 160, "hidden_size": 16, "n_layer": 1, "n_head": 2}),
    ("mamba", "CausalLM", SMALL),
    (
        "t5",
        "Seq2SeqLM",
        {"vocab_size": 160, "d_model": 16, "num_layers": 1, "num_heads": 2, "d_kv": 8, "d_ff": 32},
    ),
    ("bart", "Seq2SeqLM", PAIRED),
    ("bert", "MaskedLM", SMALL),
    ("roberta", "MaskedLM", SMALL),
    ("modernbert", "MaskedLM", SMALL | {"cls_token_id": 1, "sep_token_id": 2}),
    ("xlnet", "CausalLM", {"vocab_size": 160, "d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 32}),
]


@pytest.mark.parametrize(
    ("kind", "head", "settings"), FAMILIES, ids=[f"{f[0]}-{at}" for at, f in enumerate(FAMILIES)]
)
def test_families(tmp_path, kind, head, settings):
    """The tensors found are the ones that the loaded model embeds and projects with."""
    config = transformers.AutoConfig.for_model(kind, **settings)
    model = getattr(transformers, f"AutoModelFor{head}").from_config(config)
    model.save_pretrained(tmp_path)
    layout = rowscope.open_checkpoint(tmp_path).layout
    source, target = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    tied = source is target or source.data_ptr() == target.data_ptr()
    assert layout.tied == tied
    assert [matrix.role for matrix in layout.matrices] == (["both"] if tied else ["input", "output"])
    for role, weight in (("input", source), ("output", target)):
        ids = np.arange(160)
        norms = rowscope.row_table(tmp_path, role=role, ids=ids).norm
        np.testing.assert_allclose(norms, weight.detach().double().norm(dim=1).numpy(), rtol=1e-12)
    bias = getattr(model.get_output_embeddings(), "bias", None)
    assert (layout.output_bias is not None) == (bias is not None or hasattr(model, "final_logits_bias"))


def test_an_encoder_without_a_head_has_an_input_matrix_alone(tmp_path):
    model = transformers.AutoModel.from_config(transformers.AutoConfig.for_model("bert", **SMALL))
    model.save_pretrained(tmp_path)
    layout = rowscope.open_checkpoint(tmp_path).layout
    assert [matrix.role for matrix in layout.matrices] == ["input"]
    assert (layout.tied, layout.tie_source) == (False, "no-head")


def test_nested_text_config(tmp_path):
    settings = SMALL | {"num_key_value_heads": 2, "tie_word_embeddings": True}
    model = transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.for_model("qwen2", **settings)
    )
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    inner = {key: config.pop(key) for key in ("vocab_size", "hidden_size")}
    (tmp_path / "config.json").write_text(json.dumps(config | {"text_config": inner}))
    checkpoint = rowscope.open_checkpoint(tmp_path)
    assert checkpoint.layout.tied
    assert rowscope.audit(checkpoint).census.config_vocab_size == 160


def test_asking_for_a_matrix_that_is_not_there(tmp_path):
    model = transformers.AutoModel.from_config(transformers.AutoConfig.for_model("bert", **SMALL))
    model.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="no output matrix"):
        rowscope.row_table(tmp_path, role="output")
