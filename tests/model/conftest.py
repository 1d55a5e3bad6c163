"""Tiny random models of seven families with padded vocabularies, written by transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROWS = 288
SPECIAL = ("<pad>", "<s>", "</s>", "[CLS]", "[SEP]", "[MASK]")
PLACEHOLDERS = ("<|reserved_0|>", "<|reserved_1|>")
ENTRIES = 256 + len(SPECIAL) + len(PLACEHOLDERS)
RESERVED = [*range(256 + len(SPECIAL), ROWS)]

CAUSAL = ("qwen2", "llama", "gpt2", "gemma3", "gpt_neox")
HEADED = (*CAUSAL, "t5", "bert")
NINE = ("qwen2", "qwen3", "llama", "gemma3", "gpt_neox", "t5", "mixtral", "mamba", "llava")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """One thread: tiny matrices gain nothing by more. Without the extra all tests are skipped."""
    pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("torch", reason="torch is not installed").set_num_threads(1)


def _tokenizer(folder: Path, family: str, placeholders: Sequence[str]) -> None:
    """One token for each byte, special tokens, placeholders: any text, no unknown tokens."""
    import transformers
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: id for id, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = (*SPECIAL, *placeholders)
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    around = {"bert": "[CLS] $A [SEP]", "t5": "$A </s>"}.get(family)
    if around:
        ids = [(name, tokenizer.token_to_id(name)) for name in SPECIAL]
        tokenizer.post_processor = processors.TemplateProcessing(single=around, special_tokens=ids)
    roles = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    if family == "bert":
        roles |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles)
    fast.save_pretrained(folder)


def _config(family: str) -> Any:
    import transformers

    small = {
        "vocab_size": ROWS,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 256,
        "initializer_range": 0.2,
        "bos_token_id": 257,
        "eos_token_id": 258,
        "pad_token_id": None,
    }
    grouped = {**small, "num_key_value_heads": 2}
    match family:
        case "qwen2":
            return transformers.Qwen2Config(**grouped, tie_word_embeddings=True)
        case "llama":
            return transformers.LlamaConfig(**grouped, tie_word_embeddings=False)
        case "gpt2":
            sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
            ids = {"bos_token_id": 257, "eos_token_id": 258, "pad_token_id": None}
            return transformers.GPT2Config(vocab_size=ROWS, initializer_range=0.2, **sizes, **ids)
        case "gemma3":
            more = {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 32}
            return transformers.Gemma3TextConfig(**grouped, **more, final_logit_softcapping=5.0)
        case "qwen3":
            return transformers.Qwen3Config(**grouped, head_dim=8, tie_word_embeddings=True)
        case "mixtral":
            experts = {"num_local_experts": 4, "num_experts_per_tok": 2}
            return transformers.MixtralConfig(**grouped, **experts, tie_word_embeddings=False)
        case "mamba":
            sizes = {"hidden_size": 32, "state_size": 8, "num_hidden_layers": 2}
            ids = {"bos_token_id": 257, "eos_token_id": 258, "pad_token_id": None}
            return transformers.MambaConfig(vocab_size=ROWS, initializer_range=0.2, **sizes, **ids)
        case "llava":
            eye = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
            eye |= {"num_attention_heads": 2, "image_size": 8, "patch_size": 4, "projection_dim": 16}
            return transformers.LlavaConfig(
                text_config=transformers.LlamaConfig(**grouped),
                vision_config=transformers.CLIPVisionConfig(**eye),
                image_token_index=261,
                tie_word_embeddings=False,
            )
        case "gpt_neox":
            return transformers.GPTNeoXConfig(**small, tie_word_embeddings=False)
        case "t5":
            sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
            ids = {"pad_token_id": 256, "eos_token_id": 258, "decoder_start_token_id": 256}
            return transformers.T5Config(vocab_size=ROWS, **sizes, **ids)
        case _:
            return transformers.BertConfig(**{**small, "pad_token_id": 256})


def _class(family: str) -> Any:
    import transformers

    names = {
        "qwen2": "Qwen2ForCausalLM",
        "llama": "LlamaForCausalLM",
        "gpt2": "GPT2LMHeadModel",
        "gemma3": "Gemma3ForCausalLM",
        "gpt_neox": "GPTNeoXForCausalLM",
        "qwen3": "Qwen3ForCausalLM",
        "mixtral": "MixtralForCausalLM",
        "mamba": "MambaForCausalLM",
        "llava": "LlavaForConditionalGeneration",
        "t5": "T5ForConditionalGeneration",
        "bert": "BertForMaskedLM",
        "encoder": "BertModel",
    }
    return getattr(transformers, names[family])


def _write(
    folder: Path,
    family: str,
    *,
    placeholders: Sequence[str] = PLACEHOLDERS,
    edit: Callable[[Any], None] | None = None,
    **changes: Any,
) -> Path:
    import torch

    torch.manual_seed(7)
    config = _config(family)
    for name, value in changes.items():
        setattr(config, name, value)
    model = _class(family)(config).eval()
    if edit is not None:
        with torch.no_grad():
            edit(model)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    _tokenizer(folder, family, placeholders)
    return folder


@pytest.fixture(scope="session")
def write_model() -> Callable[..., Path]:
    """write_model(folder, family, placeholders=…, edit=change_the_weights, **config_changes) -> folder."""
    return _write


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Folders by family: Qwen2 and GPT-2 tied, Llama and GPT-NeoX untied, Gemma 3 with a soft cap, T5, BERT
    with its head, and (`encoder`) without."""
    root = tmp_path_factory.mktemp("zoo")
    return {family: _write(root / family, family) for family in (*HEADED, "encoder")}


@pytest.fixture(scope="session")
def reserved() -> list[int]:
    """The reserved ids of every model in the zoo: two placeholders, then rows without a token."""
    return RESERVED


@pytest.fixture(scope="session")
def demo() -> Any:
    """The demo checkpoint, loaded once in float32."""
    from rowscope.inspector import model

    return model.load("demo", probe="train", device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def load_zoo(zoo: Mapping[str, Path]) -> Callable[..., Any]:
    """load_zoo(family, dtype="float32") -> Loaded, each once."""
    from rowscope.inspector import model

    kept: dict[tuple[str, str], Any] = {}

    def load(family: str, dtype: str = "float32") -> Any:
        if (family, dtype) not in kept:
            kept[family, dtype] = model.load(zoo[family], probe="forward", device="cpu", dtype=dtype)
        return kept[family, dtype]

    return load


@pytest.fixture(scope="session")
def oracle() -> Any:
    """The independent script; imported late, since it imports torch."""
    from . import oracle

    return oracle


@pytest.fixture(scope="session", params=NINE)
def nine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Nine kinds of language model in float32, one after the other; the folder is called by the family.

    T5's random rows are too large to look like a start: some of them are near copies of one vector instead.
    """
    from rowscope.inspector import model

    def share(network: Any) -> None:
        rows = network.get_input_embeddings().weight
        rows[200:256] = rows[200] + 0.01 * rows[200:256]

    folder = tmp_path_factory.mktemp("nine") / request.param
    _write(folder, request.param, edit=share if request.param == "t5" else None)
    return model.load(folder, probe="forward", device="cpu", dtype="float32")
