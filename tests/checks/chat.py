"""A small chat checkpoint made by transformers and tokenizers: its model says one token over and over."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

WORDS = ["<unk>", "a", "b", "c"]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|call|>"]
EOT, START, END, CALL = range(4, 8)
ROWS = 12
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CALLING = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content }}"
    "{% if m.tool_calls %}{% for t in m.tool_calls %}{{ t.function.arguments | tojson }}{% endfor %}<|call|>"
    "{% else %}<|im_end|>{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_chat(
    folder: Path,
    *,
    config: Mapping[str, Any] | None = None,
    generation: Mapping[str, Any] | None = None,
    tokenizer: Mapping[str, Any] | None = None,
    template: str | None = CHATML,
    says: int = END,
) -> Path:
    """A Llama whose greedy answer is the token `says` at every step; the files say what is given."""
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=ROWS, tie_word_embeddings=False, **shape))
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_().add_(3.0)
        model.lm_head.weight.normal_(std=0.01)
        model.lm_head.weight[says] = model.model.embed_tokens.weight.mean(0)
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj.weight.zero_()
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    found = json.loads((folder / "config.json").read_text())
    for key in ("eos_token_id", "bos_token_id"):
        found.pop(key, None)
    (folder / "config.json").write_text(json.dumps(found | dict(config or {})))
    if generation is not None:
        (folder / "generation_config.json").write_text(json.dumps(dict(generation)))
    write_tokenizer(folder, template, tokenizer or {})
    return folder


def write_tokenizer(folder: Path, template: str | None, settings: Mapping[str, Any]) -> None:
    made = Tokenizer(models.WordLevel({word: id for id, word in enumerate(WORDS)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made.add_special_tokens([AddedToken(content, special=True) for content in SPECIAL])
    made.save(str(folder / "tokenizer.json"))
    known = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(known | dict(settings)))
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)


def answer(folder: Path, most: int = 6) -> list[int]:
    """What `generate` adds to a question."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    if tokenizer.chat_template is None:
        ids = torch.tensor([[1, 2]])
    else:
        asked = [{"role": "user", "content": "ab"}]
        ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt")[
            "input_ids"
        ]
    with torch.no_grad():
        made = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=most)
    return [int(id) for id in made[0, ids.shape[1] :]]


def written_end(folder: Path) -> int:
    """The first token behind an answer, as transformers writes and reads it."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "cc"}]
    ids = tokenizer.apply_chat_template(chat, return_dict=False)
    last = max(place for place, id in enumerate(ids) if id == 3)
    return int(ids[last + 1])
