"""Write the seed corpora: small sound and broken files from which the fuzzer starts.

    python fuzz/make_seeds.py

Byte 0 of every seed is the selector that the target of the same name reads.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent / "corpus"

_WORDS = {"a": 0, "b": 1, "<s>": 2, "</s>": 3, "ab": 4}
_ADDED = [{"id": 5, "content": "<|x|>", "special": True, "normalized": False, "lstrip": False}]


def header_seeds() -> Iterator[bytes]:
    """Headers of each shape that the format allows, and some that it does not."""
    entry = '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    yield from (
        b"\0" + text.encode()
        for text in (
            f'{{"a":{entry}}}',
            f'{{"__metadata__":{{"format":"pt"}},"a":{entry}}}  ',
            '{"a":["F32",[2],[0,8]],"z":{"data_offsets":[8,8],"shape":[0,3],"dtype":"I64"}}',
            '{"a":{"dtype":{"F4":null},"x":[1,-2,3.5e-1,true,null,"\\ud83d\\ude00"],"shape":[16],'
            '"data_offsets":[0,8]}}',
            f'{{"a":{entry},"a":{entry}}}',
        )
    )
    yield b"\1{}"
    yield b"\xff" + len(b"{}").to_bytes(8, "little") + b"{}"
    yield b"\xffversion https://git-lfs.github.com/spec/v1\n"


def tokenizer_seeds() -> Iterator[bytes]:
    """One small file of each format, by position in `FILES` of the target."""
    models = (
        {"type": "WordLevel", "vocab": _WORDS, "unk_token": "a"},
        {"type": "WordPiece", "vocab": _WORDS, "unk_token": "a", "continuing_subword_prefix": "##"},
        {"type": "BPE", "vocab": _WORDS, "merges": ["a b"], "byte_fallback": True},
        {"type": "Unigram", "vocab": [["a", -1.5], ["b", -2.0]], "unk_id": 0},
    )
    decoder = {"type": "ByteLevel"}
    for model in models:
        document = {"version": "1.0", "added_tokens": _ADDED, "decoder": decoder, "model": model}
        yield b"\0" + json.dumps(document).encode()
    yield b"\1" + json.dumps(_WORDS).encode()
    yield b"\2[PAD]\n[UNK]\n[unused1]\na\n##b\n"
    yield b"\3" + sentencepiece_model()
    yield b"\4" + b"".join(base64.b64encode(bytes([97 + i])) + b" %d\n" % i for i in range(4))
    yield b"\5" + json.dumps(tekken()).encode()
    settings = {
        "tokenizer_class": "LlamaTokenizer",
        "eos_token": "</s>",
        "chat_template": "<|im_start|>{{ x }}",
    }
    yield b"\6" + json.dumps({**settings, "added_tokens_decoder": {"7": {"content": "<|y|>"}}}).encode()
    yield b"\7" + json.dumps({"bos_token": {"content": "<s>"}, "additional_special_tokens": ["<z>"]}).encode()
    yield b"\10" + json.dumps({"<|v|>": 9}).encode()
    yield b"\11{% for m in messages %}{{ '<s>' + m['content'] + eos_token }}{% endfor %}"


def tekken() -> dict[str, object]:
    """Two special tokens and two bytes."""
    config = {"pattern": ".", "default_vocab_size": 4, "default_num_special_tokens": 2, "version": "v3"}
    vocab = [{"rank": i, "token_bytes": base64.b64encode(bytes([97 + i])).decode()} for i in range(2)]
    return {"config": config, "vocab": vocab}


def sentencepiece_model() -> bytes:
    """A model of a few pieces, trained here; without normalisation rules it has under 1 kB."""
    import sentencepiece

    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b ab ba abba baab"] * 9),
        model_writer=out,
        vocab_size=12,
        model_type="bpe",
        normalization_rule_name="identity",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return out.getvalue()


def folder_seeds() -> Iterator[bytes]:
    """One replacement for each file of the folder, by position in `FILES` of the target."""
    config = {"vocab_size": 44, "tie_word_embeddings": False, "eos_token_id": [3, 900], "text_config": {}}
    yield b"\0" + json.dumps({**config, "quantization_config": {"quant_method": "fp8"}}).encode()
    yield b"\1" + json.dumps({"pad_token_id": -1, "eos_token_id": 39}).encode()
    index = {"metadata": {"total_size": 7}, "weight_map": {"model.embed_tokens.weight": "model.safetensors"}}
    yield b"\2" + json.dumps(index).encode()
    names = {"a\x1b[31m": 0, "\u202eb": 1, "[/x]": 2, "%0A::error::": 3, "|`<b>&": 4, "[unused1]": 5}
    model = {"type": "WordLevel", "vocab": names, "unk_token": "b"}
    yield b"\3" + json.dumps({"added_tokens": _ADDED, "model": model}).encode()
    yield b"\4" + json.dumps({"eos_token": "w3", "chat_template": "{{ 'w5' }}"}).encode()
    yield b"\5{{ bos_token }}w7{{ '<|x|>' }}"
    row = {"id": 3, "token": "w3", "tensor": "t", "dtype": "F32", "recipe": "like:w5", "sha256": "0a" * 32}
    yield b"\6" + json.dumps({"rowscope_claim": 1, "rows": [row]}).encode()


def template_seeds() -> Iterator[bytes]:
    """A template and the tokens that it may write, parted by NUL."""
    for text in (
        "<|im_start|>{{ message.role }}<|im_end|>\0<|im_end|>\0<|im_start|>\0<|im|>",
        "{{ '<|' + message['role'] + '|>' + eos_token }}\0</s>\0<|user|>\0<|system|>",
        "{% raw %}{{ '<s>' }}{% endraw %}{# <s> #}{{ '<s>\\n' }}[INST]\0<s>\0[INST]\0[/INST]",
        "{{ 'never closed \\' \0never\0closed",
        "aaaaaaaaaaaaaaaab\0a\0aa\0aaaab\0b",
        "<a><b></a>\0a>\0><\0<a><b>",
    ):
        yield text.encode()


def adapter_seeds() -> Iterator[bytes]:
    """Settings below 128, headers from 128 on."""
    settings = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["embed_tokens"]}
    yield b"\0" + json.dumps({**settings, "use_dora": True, "fan_in_fan_out": True}).encode()
    yield b"\0" + json.dumps({**settings, "trainable_token_indices": [3, 5, 39]}).encode()
    yield b"\0" + json.dumps({"peft_type": "IA3", "base_model_name_or_path": "org/name"}).encode()
    stem = "base_model.model.model.embed_tokens"
    for names, shapes in (
        (("lora_embedding_A", "lora_embedding_B"), ([2, 40], [8, 2])),
        (("lora_A.weight", "lora_B.weight"), ([2, 8], [40, 2])),
        (("token_adapter.trainable_tokens_delta", "weight"), ([3, 8], [12, 8])),
    ):
        header, at = {}, 0
        for name, shape in zip(names, shapes, strict=True):
            stop = at + 4 * shape[0] * shape[1]
            header[f"{stem}.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": [at, stop]}
            at = stop
        header["rest"] = {"dtype": "U8", "shape": [480 - at], "data_offsets": [at, 480]}
        yield b"\x80" + json.dumps(header).encode()


def gate_seeds() -> Iterator[bytes]:
    """By position in `FILES` of the target."""
    yield b'\0select = ["ROW", "TOK301"]\nfail-on = "warning"\nallow-partial = true\nformat = "json"\n'
    yield b'\0ignore = ["VOC10"]\nbaseline = "baseline.json"\n'
    yield b'\1[project]\nname = "x"\n[tool.rowscope]\nignore = ["FIL"]\n'
    yield b'\1[tool.other]\nselect = ["ROW"]\n'
    entry = {"code": "ROW201", "subject": "x", "severity": "error", "count": 1, "ids": [[3, 4]]}
    for listed in ([{**entry, "evidence": None}], [{**entry, "evidence": "0" * 64}] * 2):
        yield b"\2" + json.dumps({"schema_version": "1", "findings": listed}).encode()


def undo_seeds() -> Iterator[bytes]:
    """Pieces to put into a claim's own manifest, and manifests."""
    for at, gone, piece in (
        (0, 0, b""),
        (130, 14, b"assets/known.txt"),
        (130, 14, b"../home/known.txt"),
        (200, 4, b"null"),
    ):
        yield bytes((0, *at.to_bytes(2, "little"), gone)) + piece
    shard = {"name": "model.safetensors", "size": 9, "sha256_before": "0" * 64, "regions": []}
    region = {"offset": 8, "before": "00", "after": "ff"}
    for files, shards in (
        ([], []),
        ([{"name": "assets/known.txt", "kept": None, "new": "x", "sha256_after": "0" * 64}], []),
        ([], [{**shard, "regions": [region, region]}]),
    ):
        manifest = {"rowscope_undo": 1, "tokens": [], "files": files, "shards": shards}
        yield b"\x80" + json.dumps(manifest).encode()


SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "header": header_seeds,
    "tokenizer": tokenizer_seeds,
    "folder": folder_seeds,
    "template": template_seeds,
    "adapter": adapter_seeds,
    "gate": gate_seeds,
    "undo": undo_seeds,
}


def main() -> None:
    """Replace the corpora of all targets."""
    for target, seeds in SEEDS.items():
        folder = ROOT / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("seed-*"):
            old.unlink()
        for number, seed in enumerate(seeds()):
            (folder / f"seed-{number:02}").write_bytes(seed)


if __name__ == "__main__":
    main()
