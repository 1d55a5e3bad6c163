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
    NameRule("encoder.embed_tokens.weight", "encoder-decoders with a table for each side"),
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
    NameRule("cpmant.input_embedding.weight", "CPM-Ant"),
    NameRule("transformer.w.weight", "CTRL"),
    NameRule("llm.embed.weight", "Inkling"),
    NameRule("wte.embedding", "Molmo"),
    NameRule("embed_tokens.embed_tokens.weight", "Kyutai speech to text"),
    NameRule("embed_text_tokens.weight", "CSM, and other speech models with a text table of their own"),
    NameRule("embeddings", "model2vec"),
    NameRule("token_embd.weight", "names of GGUF"),
    NameRule("embed_tokens.weight", "decoders without a head", weak=True),
    NameRule("token_embedding.weight", "small research models", weak=True),
    NameRule("emb.weight", "RWKV, original code", weak=True),
    NameRule("embeddings.weight", "small research models", weak=True),
    NameRule("embedding.weight", "small research models", weak=True),
    NameRule("emb_layer.weight", "word vectors of sentence-transformers", weak=True),
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
    NameRule("pred_layer.proj.weight", "XLM, FlauBERT"),
    NameRule("lm_head.out_proj.weight", "T5Gemma"),
    NameRule("llm.unembed.weight", "Inkling"),
    NameRule("transformer.ff_out.weight", "OLMo, original code"),
    NameRule("unembed.weight", "StripedHyena and other small code", weak=True),
    NameRule("output_projection.weight", "BioGPT, TrOCR", weak=True),
    NameRule("log_softmax.mlp.layer0.weight", "Cohere ASR", weak=True),
    NameRule("cls.weight", "UltraBERT", weak=True),
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
    NameRule("pred_layer.proj.bias", "XLM, FlauBERT"),
    NameRule("final_logits_bias", "BART, Marian; stored as [1, V]"),
    NameRule("decoder.bias", "ModernBERT", weak=True),
)

# Where a class looks its input up in another table than the order above would take.
CLASS_INPUTS: dict[str, str] = {
    "MarianMTModel": "model.encoder.embed_tokens.weight",
    "ProphetNetForCausalLM": "prophetnet.decoder.word_embeddings.weight",
    "SeamlessM4TForTextToText": "text_decoder.embed_tokens.weight",
    "SeamlessM4TForSpeechToText": "text_decoder.embed_tokens.weight",
    "SeamlessM4TForTextToSpeech": "text_decoder.embed_tokens.weight",
    "SeamlessM4Tv2ForTextToText": "text_decoder.embed_tokens.weight",
    "SeamlessM4Tv2ForSpeechToText": "text_decoder.embed_tokens.weight",
    "SeamlessM4Tv2ForTextToSpeech": "text_decoder.embed_tokens.weight",
    "BltForCausalLM": "local_encoder.embed_tokens.weight",
}

# Classes whose tables have rows of codes before those of text, so that a row is no id of the tokenizer.
OTHER_ROWS: dict[str, str] = {
    "BarkModel": "its rows are codes; text stands behind them, from text_encoding_offset on",
    "BarkSemanticModel": "its rows are codes; text stands behind them, from text_encoding_offset on",
    "BarkCoarseModel": "its rows are codes",
    "BarkFineModel": "its rows are codes",
}

# Settings by which a config says that rows are padded to a multiple.
ROW_MULTIPLES: tuple[str, ...] = ("pad_vocab_size_multiple", "pad_vocab_size_multiple_of")

# What code of its own calls `tie_word_embeddings`.
TIE_KEYS: tuple[str, ...] = ("tie_word_embeddings", "tie_embeddings", "weight_tying")

# Parts of names under which a table of another vocabulary, or of a second model beside the first, stands.
OTHER_PARTS: tuple[str, ...] = (
    "audio",
    "codec",
    "codebook",
    "depth_decoder",
    "talker",
    "vision",
    "visual",
    "image",
    "qformer",
    "patcher",
    "gemma_expert",
    "action_expert",
    "token2wav",
    "acoustics",
    "draft",
)

# Parts of names of tables whose rows are no tokens: positions, segments, classes, patches.
NO_VOCABULARY: tuple[str, ...] = (
    "position",
    "pos_emb",
    "token_type",
    "segment_emb",
    "patch",
    "relative",
    "rel_",
    "time_emb",
    "timestep",
    "wpe",
    "class_emb",
    "label_emb",
    "lora_",
)

# Tables that are looked up by the same ids as the main one, layer by layer. Families that guard the lookup
# serve ids beyond such a table without it.
PER_LAYER = "embed_tokens_per_layer.weight"
PER_LAYER_GUARDED: tuple[str, ...] = ("gemma3n", "gemma3n_text")

# Configs inside the main one whose `vocab_offset` routes ids from there on to their own table (Gemma 3n).
OFFSET_CONFIGS: tuple[str, ...] = ("vision_config", "audio_config")

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

# Where the rows of added ids stand in a table of their own, beside the one of the others: Molmo2, IDEFICS.
BEHIND = (("embedding", "new_embedding"), ("weight", "additional_embedding.weight"))
