"""Tiny checkpoints over all layouts of tokenizers, made from few choices and a seed."""

from __future__ import annotations

import io
import json
import random
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from rowscope.inspector.vocabulary import byte_alphabet

WIDTH, FREE = 8, 6
WORDS = (
    *(
        "the",
        "lead",
        "leader",
        "mislead",
        "a",
        "b",
        "x",
        "is",
        "ing",
        "un",
        "able",
        "I",
        "i",
        "naive",
        "café",
    ),
    *("中", "文", "to", "be", "or", "not", "<", ">", "[", "]", "|", "don", "'", "t", ".", ",", "!"),
)
HOLDERS = ("[unused0]", "[unused1]", "<|reserved_2|>")
SPECIALS = ("<unk>", "<s>", "</s>", "<pad>")
BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Choice:
    """What kind of checkpoint to make.

    Attributes:
        layout: a key of `LAYOUTS`.
        listed: where the files list added tokens: `tokenizer`, `decoder`, `legacy`, `nowhere`.
        seed: of the words of the vocabulary and of flags.
    """

    layout: str
    listed: str
    seed: int


def _added(id: int, content: str, **flags: bool) -> dict[str, Any]:
    absent = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {"id": id, "content": content, **absent, **flags}


def _words(dice: random.Random) -> list[str]:
    """Words and letters, in an order of their own."""
    words = dice.sample(WORDS, dice.randint(12, len(WORDS)))
    return list(dict.fromkeys([*words, *(letter for word in words for letter in word)]))


def _byte_level(dice: random.Random) -> tuple[dict[str, Any], list[str]]:
    vocabulary, merges = {letter: id for id, letter in enumerate(byte_alphabet())}, []
    for word in (dice.choice(("", "Ġ")) + word for word in dice.sample(WORDS[:12], 6)):
        whole = word[0]
        if not set(word) <= set(vocabulary):
            continue
        for letter in word[1:]:
            if whole + letter not in vocabulary:
                merges.append(f"{whole} {letter}")
                vocabulary[whole + letter] = len(vocabulary)
            whole += letter
    return vocabulary, merges


def bpe_byte_level(dice: random.Random) -> dict[str, Any]:
    """GPT-2's kind."""
    vocabulary, merges = _byte_level(dice)
    for name in (*HOLDERS[: dice.randint(0, 2)],):
        vocabulary[name] = len(vocabulary)
    return {
        "normalizer": dice.choice((None, {"type": "NFC"}, {"type": "NFKC"})),
        "pre_tokenizer": {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": True,
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    }


def bpe_byte_fallback(dice: random.Random) -> dict[str, Any]:
    """Llama 2's kind."""
    entries = [*SPECIALS[:3], *(f"<0x{byte:02X}>" for byte in range(256)), *HOLDERS[:2], "▁", *_words(dice)]
    vocabulary = {token: id for id, token in enumerate(dict.fromkeys(entries))}
    steps = [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    ]
    return {
        "normalizer": {"type": "Sequence", "normalizers": steps[dice.randint(0, 1) :]},
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {
            "type": "BPE",
            "vocab": vocabulary,
            "merges": [],
            "unk_token": "<unk>",
            "byte_fallback": True,
            "fuse_unk": True,
        },
    }


def word_piece(dice: random.Random) -> dict[str, Any]:
    """BERT's kind."""
    entries = [*BERT_SPECIALS, *HOLDERS[:2], *_words(dice), *(f"##{letter}" for letter in "abdehilntx")]
    lowercase = dice.random() < 0.5
    return {
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": dice.choice((None, True, False)),
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "vocab": {token: id for id, token in enumerate(dict.fromkeys(entries))},
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        },
    }


def unigram(dice: random.Random) -> dict[str, Any]:
    """T5's and XLM-R's kind."""
    sentinels = [f"<extra_id_{place}>" for place in range(dice.choice((0, 0, 3)))]
    entries = ["<pad>", "</s>", "<unk>", "▁", *(f"▁{word}" for word in WORDS[:8]), *_words(dice)]
    entries = [*dict.fromkeys([*entries, *HOLDERS[:2]]), *reversed(sentinels)]
    return {
        "normalizer": dice.choice((None, {"type": "NFKC"}, {"type": "Lowercase"})),
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {
            "type": "Unigram",
            "unk_id": 2,
            "vocab": [[token, -1.0 - place / 50] for place, token in enumerate(entries)],
        },
    }


def word_level(dice: random.Random) -> dict[str, Any]:
    """One token for each word."""
    entries = dict.fromkeys([*SPECIALS, *HOLDERS[:2], *_words(dice)])
    return {
        "normalizer": dice.choice((None, {"type": "Lowercase"}, {"type": "StripAccents"}, {"type": "NFD"})),
        "pre_tokenizer": {"type": "Whitespace"},
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {token: id for id, token in enumerate(entries)},
            "unk_token": "<unk>",
        },
    }


def _size(document: dict[str, Any]) -> int:
    return len(document["model"]["vocab"])


def _tokens(document: dict[str, Any]) -> list[str]:
    vocabulary = document["model"]["vocab"]
    return list(vocabulary) if isinstance(vocabulary, dict) else [entry[0] for entry in vocabulary]


def _added_tokens(document: dict[str, Any], dice: random.Random) -> list[dict[str, Any]]:
    """Special ones of the model's own, a placeholder and an ordinary one behind it."""
    tokens = _tokens(document)
    own = [
        _added(id, token, special=True)
        for id, token in enumerate(tokens)
        if token in (*SPECIALS, *BERT_SPECIALS) or (token in HOLDERS and dice.random() < 0.5)
    ]
    more = dice.sample(["<|reserved_9|>", "<plain>", "<extra>"], dice.randint(0, 3))
    return own + [
        _added(len(tokens) + place, content, special=content != "<plain>", normalized=content == "<extra>")
        for place, content in enumerate(more)
    ]


def _config(folder: Path, document: dict[str, Any], listed: str, **more: Any) -> None:
    config: dict[str, Any] = {key: value for key, value in more.items() if value is not None}
    if listed == "decoder":
        config["added_tokens_decoder"] = {
            str(entry["id"]): {key: value for key, value in entry.items() if key != "id"}
            for entry in document["added_tokens"]
        }
    if listed == "legacy":
        names = {entry["content"]: entry["id"] for entry in document["added_tokens"]}
        (folder / "added_tokens.json").write_text(json.dumps(names), encoding="utf-8")
    if listed != "nowhere":
        text = json.dumps(config, ensure_ascii=False, indent=2)
        (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


Kind = Callable[[random.Random], dict[str, Any]]


def serialized(kind: Kind, tokenizer_class: str | None) -> Callable[[Path, Choice, random.Random], int]:
    """A folder with tokenizer.json; returns how many ids it has."""

    def write(folder: Path, choice: Choice, dice: random.Random) -> int:
        document = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "post_processor": None,
            **kind(dice),
        }
        document["added_tokens"] = _added_tokens(document, dice)
        text = json.dumps(document, ensure_ascii=False, indent=dice.choice((None, 2)))
        (folder / "tokenizer.json").write_text(text, encoding="utf-8")
        _config(folder, document, choice.listed, tokenizer_class=tokenizer_class)
        return max([_size(document), *(entry["id"] + 1 for entry in document["added_tokens"])])

    return write


def vocab_txt(folder: Path, choice: Choice, dice: random.Random) -> int:
    """A BERT of old."""
    document = word_piece(dice)
    document["added_tokens"] = []
    tokens = _tokens(document)
    end = dice.choice(("\n", "\r\n"))
    (folder / "vocab.txt").write_bytes((end.join(tokens) + end).encode())
    rules = {"do_lower_case": document["normalizer"]["lowercase"]}
    rules["strip_accents"] = document["normalizer"]["strip_accents"]
    if choice.listed == "decoder":
        document["added_tokens"] = [
            _added(id, token, special=True) for id, token in enumerate(tokens) if token in BERT_SPECIALS
        ]
    _config(folder, document, choice.listed, tokenizer_class="BertTokenizer", **rules)
    return len(tokens)


def vocab_json(tokenizer_class: str) -> Callable[[Path, Choice, random.Random], int]:
    """vocab.json and merges.txt."""

    def write(folder: Path, choice: Choice, dice: random.Random) -> int:
        vocabulary, merges = _byte_level(dice)
        for name in ("<|endoftext|>", *HOLDERS[:2]):
            vocabulary[name] = len(vocabulary)
        text = json.dumps(vocabulary, ensure_ascii=dice.random() < 0.5)
        (folder / "vocab.json").write_text(text, encoding="utf-8")
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
        document: dict[str, Any] = {"added_tokens": []}
        if choice.listed == "decoder":
            id = vocabulary["<|endoftext|>"]
            document["added_tokens"] = [_added(id, "<|endoftext|>", special=True)]
        _config(folder, document, choice.listed, tokenizer_class=tokenizer_class)
        return len(vocabulary)

    return write


def sentencepiece_model(folder: Path, choice: Choice, dice: random.Random) -> int:
    """tokenizer.model alone."""
    import sentencepiece

    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(dice.sample(WORDS, 9)) for _ in range(30)]),
        model_writer=out,
        vocab_size=60,
        model_type=dice.choice(("bpe", "unigram")),
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(out.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=out.getvalue()).get_piece_size()


def tiktoken_file(folder: Path, choice: Choice, dice: random.Random) -> int:
    """tiktoken alone."""
    lines = [b64encode(bytes([byte])) + b" %d\n" % byte for byte in range(256)]
    (folder / "tokenizer.tiktoken").write_bytes(b"".join(lines))
    return 256


def tekken_file(folder: Path, choice: Choice, dice: random.Random) -> int:
    """Mistral's tekken.json alone."""
    vocabulary = [
        {"rank": byte, "token_bytes": b64encode(bytes([byte])).decode(), "token_str": None}
        for byte in range(256)
    ]
    config = {"pattern": ".", "default_vocab_size": 276, "default_num_special_tokens": 20, "version": "v3"}
    config["num_vocab_tokens"] = 276
    (folder / "tekken.json").write_text(json.dumps({"config": config, "vocab": vocabulary}))
    return 276


LAYOUTS: dict[str, Callable[[Path, Choice, random.Random], int]] = {
    "byte-level": serialized(bpe_byte_level, "PreTrainedTokenizerFast"),
    "byte-level, no class": serialized(bpe_byte_level, None),
    "byte-level, Qwen2": serialized(bpe_byte_level, "Qwen2Tokenizer"),
    "byte-level, GPT-2": serialized(bpe_byte_level, "GPT2Tokenizer"),
    "byte-fallback": serialized(bpe_byte_fallback, "PreTrainedTokenizerFast"),
    "byte-fallback, Llama": serialized(bpe_byte_fallback, "LlamaTokenizer"),
    "WordPiece": serialized(word_piece, "PreTrainedTokenizerFast"),
    "WordPiece, BERT": serialized(word_piece, "BertTokenizer"),
    "Unigram": serialized(unigram, "PreTrainedTokenizerFast"),
    "Unigram, T5": serialized(unigram, "T5Tokenizer"),
    "WordLevel": serialized(word_level, "PreTrainedTokenizerFast"),
    "vocab.txt": vocab_txt,
    "vocab.json, GPT-2": vocab_json("GPT2Tokenizer"),
    "vocab.json, Qwen2": vocab_json("Qwen2Tokenizer"),
    "sentencepiece": sentencepiece_model,
    "tiktoken": tiktoken_file,
    "tekken": tekken_file,
}
OWN_TYPES = {"vocab.txt": "bert", "vocab.json, GPT-2": "gpt2", "vocab.json, Qwen2": "qwen2"}
LISTED = ("tokenizer", "decoder", "legacy", "nowhere")


def write_checkpoint(folder: Path, choice: Choice) -> Path:
    """The tokenizer's files, a Llama of one layer with some rows to spare, its config."""
    folder.mkdir(parents=True)
    dice = random.Random(choice.seed)
    sentinels = 110 if choice.layout.endswith("T5") and dice.random() < 0.7 else 0  # which its class adds
    rows = LAYOUTS[choice.layout](folder, choice, dice) + FREE + sentinels
    numbers = np.random.default_rng(choice.seed)
    layer = "model.layers.0."
    shapes = {f"{layer}self_attn.{name}_proj.weight": (WIDTH, WIDTH) for name in "qkvo"}
    shapes |= {f"{layer}mlp.{name}_proj.weight": (16, WIDTH) for name in ("gate", "up")}
    shapes |= {f"{layer}mlp.down_proj.weight": (WIDTH, 16), "model.embed_tokens.weight": (rows, WIDTH)}
    tensors = {name: numbers.normal(size=shape).astype("f4") for name, shape in shapes.items()}
    norms = (f"{layer}input_layernorm.weight", f"{layer}post_attention_layernorm.weight", "model.norm.weight")
    tensors |= {name: np.ones(WIDTH, "f4") for name in norms}
    tied = dice.random() < 0.5
    if not tied:
        tensors["lm_head.weight"] = numbers.normal(size=(rows, WIDTH)).astype("f4")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    if choice.listed == "nowhere" and choice.layout in OWN_TYPES:  # what finds the tokenizer's class
        config = {"model_type": OWN_TYPES[choice.layout], "vocab_size": rows, "hidden_size": WIDTH}
        (folder / "config.json").write_text(json.dumps(config))
        return folder
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": rows,
        "hidden_size": WIDTH,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "tie_word_embeddings": tied,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    return folder
