"""How model families name their vocabulary tensors: data, not branches.

A row is matched against the end of a tensor's dotted name, so that prefixes (`model.language_model.`,
`base_model.model.`) need no rows of their own. Order is preference. `weak` names also occur in models
for other things, so they count only when the shape agrees with the vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple


class NameRule(NamedTuple):
    """One naming convention: the dotted suffix, the families that use it, and whether it is ambiguous."""

    suffix: str
    families: str
    weak: bool = False


INPUT_NAMES: tuple[NameRule, ...] = (
    NameRule("model.embed_tokens.weight", "Llama, Qwen, Gemma, Mistral, Phi, OLMo, Cohere"),
    NameRule("language_model.embed_tokens.weight", "multimodal models with a nested text model"),
    NameRule("model.shared.weight", "BART, Marian, mBART"),
    NameRule("shared.weight", "T5, UMT5, Switch"),
    NameRule("model.decoder.embed_tokens.weight", "OPT, Whisper"),
    NameRule("transformer.wte.weight", "GPT-2, GPT-J, MPT, Falcon"),
    NameRule("wte.weight", "GPT-2 without a head"),
    NameRule("gpt_neox.embed_in.weight", "GPT-NeoX, Pythia"),
    NameRule("embed_in.weight", "GPT-NeoX without a head"),
    NameRule("embeddings.word_embeddings.weight", "BERT, RoBERTa, ELECTRA, DistilBERT, ALBERT, DeBERTa"),
    NameRule("transformer.word_embeddings.weight", "BLOOM, Falcon"),
    NameRule("embedding.word_embeddings.weight", "ChatGLM, Megatron"),
    NameRule("word_embeddings.weight", "BLOOM without a head"),
    NameRule("embeddings.tok_embeddings.weight", "ModernBERT"),
    NameRule("tok_embeddings.weight", "Meta and Mistral consolidated files"),
    NameRule("word_embedding.weight", "XLNet"),
    NameRule("backbone.embeddings.weight", "Mamba"),
    NameRule("backbone.embedding.weight", "Mamba, original code"),
    NameRule("rwkv.embeddings.weight", "RWKV"),
    NameRule("embeddings.token_embedding.weight", "CLIP and SigLIP text towers"),
    NameRule("embeddings", "model2vec"),
    NameRule("embed_tokens.weight", "decoders without a head", weak=True),
    NameRule("token_embedding.weight", "small research models", weak=True),
    NameRule("emb.weight", "RWKV, original code", weak=True),
    NameRule("embeddings.weight", "small research models", weak=True),
    NameRule("embedding.weight", "small research models", weak=True),
)

OUTPUT_NAMES: tuple[NameRule, ...] = (
    NameRule("lm_head.weight", "most decoders, T5 1.1, BART"),
    NameRule("embed_out.weight", "GPT-NeoX, Pythia"),
    NameRule("cls.predictions.decoder.weight", "BERT"),
    NameRule("lm_head.decoder.weight", "RoBERTa, XLM-R"),
    NameRule("generator_lm_head.weight", "ELECTRA generators"),
    NameRule("vocab_projector.weight", "DistilBERT"),
    NameRule("predictions.decoder.weight", "ALBERT"),
    NameRule("lm_loss.weight", "XLNet"),
    NameRule("output_layer.weight", "ChatGLM, Megatron"),
    NameRule("proj_out.weight", "Whisper", weak=True),
    NameRule("output.weight", "Meta and Mistral consolidated files", weak=True),
    NameRule("decoder.weight", "ModernBERT", weak=True),
    NameRule("head.weight", "RWKV", weak=True),
)

BIAS_NAMES: tuple[NameRule, ...] = (
    NameRule("lm_head.bias", "GPT-J, Phi, RoBERTa"),
    NameRule("embed_out.bias", "GPT-NeoX variants"),
    NameRule("cls.predictions.bias", "BERT, DeBERTa"),
    NameRule("cls.predictions.decoder.bias", "BERT, written by older versions"),
    NameRule("lm_head.decoder.bias", "RoBERTa, written by older versions"),
    NameRule("generator_lm_head.bias", "ELECTRA generators"),
    NameRule("vocab_projector.bias", "DistilBERT"),
    NameRule("predictions.bias", "ALBERT"),
    NameRule("lm_loss.bias", "XLNet"),
    NameRule("final_logits_bias", "BART, Marian; stored as [1, V]"),
    NameRule("decoder.bias", "ModernBERT", weak=True),
)

# Class-name endings of architectures that compute logits over the vocabulary.
HEAD_ENDINGS: tuple[str, ...] = (
    "ForCausalLM",
    "LMHeadModel",
    "ForConditionalGeneration",
    "ForMaskedLM",
    "ForPreTraining",
    "WithLMHead",
    "MTModel",
)

# Dtypes wide enough to hold values as they are: scales beside such a matrix belong to activations or to a
# quantisation that has not been applied.
VALUES: tuple[str, ...] = ("F64", "F32", "F16", "BF16")

# Tensors beside a matrix that say its bytes are packed, with the method that writes them.
PACKING_SIBLINGS: dict[str, str] = {
    ".scales": "MLX or group-wise quantisation",
    ".qweight": "GPTQ or AWQ",
    ".weight_packed": "compressed-tensors",
    ".weight_scale": "scaled FP8 or INT8",
    ".weight_scale_inv": "block-scaled FP8",
    ".weight.absmax": "bitsandbytes",
    ".weight.quant_state.bitsandbytes__nf4": "bitsandbytes",
    ".weight.quant_state.bitsandbytes__fp4": "bitsandbytes",
    ".SCB": "bitsandbytes int8",
}
