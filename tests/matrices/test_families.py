"""Checkpoints of many tools and families, by the names of their tensors: the right tables, never an error."""

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import NoMatrixError

V, D = 96, 16
SIZES = {"vocab_size": V, "hidden_size": D}
OWN_CODE = {"auto_map": {"AutoModel": "code.Model"}}


def of(model_type, name, **more):
    return {"model_type": model_type, "architectures": [name], **SIZES, **more}


# case: (config, tables by shape, the input, the output where it is another, tied)
ROWS = (V, D)
CASES = {
    "gguf": (
        None,
        {"token_embd.weight": ROWS, "output.weight": ROWS},
        "token_embd.weight",
        "output.weight",
    ),
    "gguf tied": (None, {"token_embd.weight": ROWS, "output_norm.weight": (D,)}, "token_embd.weight", None),
    "open_clip": (
        None,
        {"text.token_embedding.weight": ROWS, "text.positional_embedding": (77, D)},
        "text.token_embedding.weight",
        None,
    ),
    "fairseq": (
        None,
        {"decoder.embed_tokens.weight": ROWS, "decoder.output_projection.weight": ROWS},
        "decoder.embed_tokens.weight",
        "decoder.output_projection.weight",
    ),
    "megatron": (
        None,
        {"embedding.word_embeddings.weight": ROWS, "embedding.position_embeddings.weight": (128, D),
         "output_layer.weight": ROWS},
        "embedding.word_embeddings.weight",
        "output_layer.weight",
    ),
    "rwkv": (None, {"emb.weight": ROWS, "head.weight": ROWS}, "emb.weight", "head.weight"),
    "olmo": (
        of("hf_olmo", "OLMoForCausalLM", vocab_size=90, embedding_size=V, d_model=D, weight_tying=False),
        {"model.transformer.wte.weight": ROWS, "model.transformer.ff_out.weight": ROWS,
         "model.transformer.blocks.0.ff_out.weight": (D, 4 * D)},
        "model.transformer.wte.weight",
        "model.transformer.ff_out.weight",
    ),
    "olmo tied": (
        of("hf_olmo", "OLMoForCausalLM", d_model=D, weight_tying=True),
        {"model.transformer.wte.weight": ROWS},
        "model.transformer.wte.weight",
        "model.transformer.wte.weight",
    ),
    "mamba": (
        {"d_model": D, "vocab_size": 91, "pad_vocab_size_multiple": 8, "tie_embeddings": True},
        {"backbone.embedding.weight": ROWS},
        "backbone.embedding.weight",
        "backbone.embedding.weight",
    ),
    "sequential": (
        of("mixformer-sequential", "MixFormerSequentialForCausalLM", **OWN_CODE),
        {"layers.0.wte.weight": ROWS, "layers.9.linear.weight": ROWS, "layers.9.linear.bias": (V,)},
        "layers.0.wte.weight",
        "layers.9.linear.weight",
    ),
    "stripedhyena": (
        of("stripedhyena", "StripedHyenaModelForCausalLM", **OWN_CODE),
        {"backbone.embedding_layer.weight": ROWS, "backbone.unembed.weight": ROWS},
        "backbone.embedding_layer.weight",
        "backbone.unembed.weight",
    ),
    "biased head": (
        of("gptj", "GPTJForCausalLM", n_embd=D, tie_word_embeddings=False),
        {"transformer.wte.weight": ROWS, "lm_head.weight": ROWS, "lm_head.bias": (V,)},
        "transformer.wte.weight",
        "lm_head.weight",
    ),
    "without a prefix": (
        of("bloom", "BloomForCausalLM"),
        {"word_embeddings.weight": ROWS, "word_embeddings_layernorm.weight": (D,)},
        "word_embeddings.weight", "word_embeddings.weight",
    ),
    "discriminator": (
        of("electra", "ElectraForPreTraining", embedding_size=D),
        {"electra.embeddings.word_embeddings.weight": ROWS, "discriminator_predictions.dense.weight": (D, D)},
        "electra.embeddings.word_embeddings.weight",
        None,
    ),
    "reward": (
        of("llama", "LlamaForSequenceClassification"),
        {"model.embed_tokens.weight": ROWS, "score.weight": (1, D)},
        "model.embed_tokens.weight",
        None,
    ),
    "as many classes as rows": (
        of("llama", "LlamaForSequenceClassification"),
        {"model.embed_tokens.weight": ROWS, "score.weight": ROWS},
        "model.embed_tokens.weight",
        None,
    ),
    "medusa": (
        of("llama", "MedusaForCausalLM", tie_word_embeddings=False),
        {"model.embed_tokens.weight": ROWS, "lm_head.weight": ROWS, "medusa_head.0.1.weight": ROWS},
        "model.embed_tokens.weight",
        "lm_head.weight",
    ),
    "eagle": (
        of("llama", "LlamaForCausalLMEagle", tie_word_embeddings=False),
        {"embed_tokens.weight": ROWS, "fc.weight": (D, 2 * D)},
        "embed_tokens.weight",
        None,
    ),
    "two vocabularies": (
        {"model_type": "qwen2_5_omni", "architectures": ["Qwen2_5OmniForConditionalGeneration"],
         "thinker_config": {"text_config": SIZES}, "talker_config": {"vocab_size": 150}},
        {"thinker.model.embed_tokens.weight": ROWS, "thinker.lm_head.weight": ROWS,
         "talker.model.embed_tokens.weight": (150, D), "talker.codec_head.weight": (150, D)},
        "thinker.model.embed_tokens.weight",
        "thinker.lm_head.weight",
    ),
    "characters": (
        of("wav2vec2", "Wav2Vec2ForCTC"),
        {"lm_head.weight": ROWS, "lm_head.bias": (V,)},
        None,
        "lm_head.weight",
    ),
}  # fmt: skip


def made(folder, write_checkpoint, config, shapes, tokens=V):
    random = np.random.default_rng(0)
    tensors = {
        name: (random.normal(size=shape) + random.normal(size=shape[:1] + (1,) * (len(shape) - 1))).astype(
            "f4"
        )
        for name, shape in shapes.items()
    }
    return write_checkpoint(folder, tensors, config, {f"w{id}": id for id in range(tokens)})


@pytest.mark.parametrize("case", CASES)
def test_the_tables_are_the_right_ones_and_nothing_is_wrong(tmp_path, write_checkpoint, case):
    config, shapes, source, target = CASES[case]
    report = rowscope.audit(made(tmp_path, write_checkpoint, config, shapes))
    roles = {matrix.role: matrix.tensor for matrix in report.matrices}
    assert roles.get("input", roles.get("both")) == source
    assert roles.get("output", roles.get("both")) == target
    assert [(f.code, f.message) for f in report.findings if f.severity == "error"] == []
    assert [f.code for f in report.findings if f.code in ("VOC103", "VOC104", "TIE401", "FIL006")] == []


NONE = {
    "image classes": (
        {"architecture": "vit_tiny", "num_classes": V},
        {"head.weight": ROWS, "patch_embed.proj.weight": (D, 3, 4, 4)},
    ),
    "a classifier": (None, {"fc.weight": ROWS, "conv1.weight": (D, 3, 4, 4)}),
    "code books": (None, {"quantizer.layers.0.codebook.embed": (1024, D), "encoder.conv.weight": (D, 1, 7)}),
    "heads alone": (None, {"0.0.linear.weight": (D, D), "0.1.weight": ROWS, "1.1.weight": ROWS}),
    "a projector": (of("llava_llama", "LlavaLlamaForCausalLM"), {"model.mm_projector.0.weight": (D, D)}),
    "codes before text": (
        {"model_type": "bark", "architectures": ["BarkModel"],
         "semantic_config": {"input_vocab_size": V, "output_vocab_size": 40, "hidden_size": D}},
        {"semantic.input_embeds_layer.weight": ROWS, "semantic.lm_head.weight": (40, D)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NONE)
def test_no_table_is_taken_for_the_vocabulary(tmp_path, write_checkpoint, case):
    with pytest.raises(NoMatrixError):
        rowscope.audit(made(tmp_path, write_checkpoint, *NONE[case]))


def test_a_table_stored_twice_is_listed_once_with_both_roles(tmp_path, write_checkpoint):
    rows = np.random.default_rng(0).normal(size=ROWS).astype("f4")
    tensors = {"model.embed_tokens.weight": rows, "lm_head.weight": rows}
    config = of("llama", "LlamaForCausalLM", tie_word_embeddings=True)
    names = {f"w{id}": id for id in range(V)}
    report = rowscope.audit(write_checkpoint(tmp_path, tensors, config, names))
    assert [(table.name, table.role, table.note) for table in report.tables] == [
        ("model.embed_tokens.weight", "both", ""),
        ("lm_head.weight", "output", "the same bytes as model.embed_tokens.weight"),
    ]
    assert [matrix.role for matrix in report.matrices] == ["both"]
