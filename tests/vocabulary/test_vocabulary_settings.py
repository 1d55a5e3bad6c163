"""Settings files drawn at random against AutoTokenizer: which of them count, and which ids come out."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

from transformers.utils import logging

from ..writing import write_json
from .agreement import assert_same

logging.set_verbosity_error()


CONTENTS = ["<s>", "</s>", "<unk>", "<pad>", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<mask>"]
CONTENTS += ["<|endoftext|>", "<x>", "<y>", "new", "ab", "a"]
CLASSES = ["PreTrainedTokenizerFast", "Qwen2", "Bert", "Llama", "GPT2TokenizerFast", "Gemma", "T5", "NoSuch"]
CLASSES += ["Cohere", "GPTNeoX", "Electra"]


class Draw(random.Random):
    """Random settings files for one tokenizer.json."""

    def flags(self) -> dict[str, object]:
        names = ("single_word", "lstrip", "rstrip", "normalized", "special")
        return {name: self.random() < 0.4 for name in names}

    def value(self) -> object:
        content = self.choice(CONTENTS)
        whole = {"__type": "AddedToken", "content": content, **self.flags()}
        return self.choice([content, content, whole, None])

    def tokenizer(self, unigram: bool) -> dict[str, object]:
        tokens = list(dict.fromkeys(["a", "b", "ab", "[UNK]", "<unk>", *self.sample(CONTENTS, 5)]))
        holes = [] if self.random() < 0.7 else self.sample(range(20), 2)
        ids = [id for id in range(len(tokens) + 20) if id not in holes][: len(tokens)]
        vocabulary = dict(zip(tokens, ids, strict=True))
        added, last = [], len(tokens)
        for content in self.sample(CONTENTS, self.randint(0, 6)):
            stated = vocabulary.get(content, last if self.random() < 0.8 else self.randint(0, 40))
            last += content not in vocabulary
            added.append({"id": stated, "content": content, **self.flags()})
        model: dict[str, object] = {"type": "BPE", "vocab": vocabulary, "merges": [["a", "b"]]}
        if unigram:
            model = {"type": "Unigram", "vocab": [[token, -1.0] for token in tokens], "unk_id": 0}
        parts = dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor"))
        return {"version": "1.0", **parts, "decoder": None, "added_tokens": added, "model": model}

    def config(self, added: list[dict[str, object]]) -> dict[str, object]:
        keys = [f"{role}_token" for role in ("bos", "eos", "unk", "sep", "pad", "cls", "mask", "image")]
        config: dict[str, object] = {key: self.value() for key in keys if self.random() < 0.3}
        if self.random() < 0.3:
            config["additional_special_tokens"] = self.sample(CONTENTS, 2)
        if self.random() < 0.2:
            config["extra_special_tokens"] = self.choice([self.sample(CONTENTS, 2), {"boi_token": "<x>"}])
        if self.random() < 0.4:
            listed = [entry for entry in added if self.random() < 0.9]
            more = {"content": self.choice(CONTENTS), **self.flags()}
            config["added_tokens_decoder"] = {
                str(entry["id"]): {key: value for key, value in entry.items() if key != "id"}
                for entry in [*listed, {"id": self.randint(0, 40), **more}]
            }
        return config


@pytest.mark.parametrize("seed", range(150))
def test_random_settings(tmp_path: Path, seed: int) -> None:
    draw = Draw(seed)
    name = draw.choice(CLASSES)
    whole = draw.tokenizer(unigram=name == "T5")
    config = draw.config(whole["added_tokens"])  # type: ignore[arg-type]
    config["tokenizer_class"] = name if "Tokenizer" in name else f"{name}Tokenizer"
    write_json(tmp_path, tokenizer=whole, tokenizer_config=config)
    if draw.random() < 0.4:
        legacy = {key: draw.choice(CONTENTS) for key in ("bos_token", "eos_token") if draw.random() < 0.7}
        write_json(tmp_path, special_tokens_map={**legacy, "additional_special_tokens": ["<y>", "<x>"]})
    if draw.random() < 0.3:
        write_json(tmp_path, added_tokens={draw.choice(CONTENTS): draw.randint(10, 20)})
    assert_same(tmp_path)
