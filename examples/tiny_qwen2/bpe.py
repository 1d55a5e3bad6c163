"""A byte-level BPE tokenizer in the manner of Qwen2, with special tokens used and unused."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers import Qwen2Tokenizer

BPE_SIZE = 4000
ROW_MULTIPLE = 128

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
TRAINED = (END_OF_TEXT, TURN_START, TURN_END)
NEVER_TRAINED = (
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|repo_name|>",
    "<|file_sep|>",
)
PLACEHOLDERS = tuple(f"<|reserved_{number}|>" for number in range(8))

CHAT_TEMPLATE = (
    "{%- for message in messages -%}\n"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}\n"
    "{{- '<|im_start|>assistant\\n' -}}\n"
    "{%- endif -%}\n"
)


def train_tokenizer(texts: Iterable[str]) -> Qwen2Tokenizer:
    """Learn 4,000 byte-level tokens from `texts`, then append the special tokens in a fixed order."""
    shape = Qwen2Tokenizer().backend_tokenizer  # the architecture's own way to split text
    backend = Tokenizer(models.BPE())
    backend.normalizer = shape.normalizer
    backend.pre_tokenizer = shape.pre_tokenizer
    backend.decoder = shape.decoder
    trainer = trainers.BpeTrainer(
        vocab_size=BPE_SIZE,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    names = (*TRAINED, *NEVER_TRAINED, *PLACEHOLDERS)
    backend.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return _as_qwen2(backend)


def _as_qwen2(backend: Tokenizer) -> Qwen2Tokenizer:
    # Read back from a folder: given as an object, the ids of the special tokens would depend on
    # the order in which transformers registers the roles.
    roles = {"eos_token": TURN_END, "pad_token": END_OF_TEXT, "unk_token": None, "bos_token": None}
    with tempfile.TemporaryDirectory() as folder:
        backend.save(str(Path(folder, "tokenizer.json")))
        Path(folder, "tokenizer_config.json").write_text(
            json.dumps({"tokenizer_class": "Qwen2Tokenizer", "model_max_length": 512, **roles}),
            encoding="utf-8",
        )
        tokenizer: Qwen2Tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def padded_rows(entries: int) -> int:
    """Rows of the embedding matrix: entries rounded up, as model makers do for aligned memory."""
    return -(-entries // ROW_MULTIPLE) * ROW_MULTIPLE
