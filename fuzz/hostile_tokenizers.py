"""Hostile folders, the tokenizers: a small sound checkpoint in which one thing is out of all proportion."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

Write = Callable[[Path], None]

WORDS = {f"w{id}": id for id in range(32)}
MODEL = {"type": "WordLevel", "vocab": WORDS, "unk_token": "w0"}


def sound(folder: Path) -> None:
    """64 rows, half of them without a token."""
    import numpy as np
    from safetensors.numpy import save_file

    rows = np.random.default_rng(0).normal(size=(64, 8)).astype("f4")
    rows[32:] = rows[32]
    save_file({"model.embed_tokens.weight": rows}, folder / "model.safetensors")
    config = {
        "vocab_size": 64,
        "hidden_size": 8,
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
    }
    (folder / "config.json").write_text(json.dumps({**config, "eos_token_id": 3}))
    serialized(folder)


def serialized(folder: Path, added: int = 0, **changes: object) -> None:
    """tokenizer.json with so many added tokens."""
    flags = {"special": True, "normalized": False, "lstrip": False, "rstrip": False, "single_word": False}
    tokens = [{"id": 32 + n, "content": f"<|t{n}|>", **flags} for n in range(added)]
    document = {"version": "1.0", "added_tokens": tokens, "model": MODEL, **changes}
    (folder / "tokenizer.json").write_text(json.dumps(document))


def template(text: str, added: int = 0) -> Write:
    """A chat template, and so many added tokens."""

    def write(folder: Path) -> None:
        serialized(folder, added)
        (folder / "chat_template.jinja").write_text(text)

    return write


def instead(name: str, data: bytes) -> Write:
    """Another tokenizer file in the place of tokenizer.json."""

    def write(folder: Path) -> None:
        (folder / "tokenizer.json").unlink()
        (folder / name).write_bytes(data)

    return write


def beside(name: str, value: object) -> Write:
    """A JSON file beside it, or in its place."""
    return lambda folder: (folder / name).write_text(json.dumps(value)) and None


def entries(count: int, gap: str = "", before: str = "") -> str:
    """Entries of a vocabulary, in one line or in many."""
    return f",{gap}".join(f'{before}"w{n}": {n}' for n in range(count))


def whole(vocabulary: str, gap: str = "") -> str:
    """A tokenizer.json around them."""
    model = f'"type":"WordLevel","unk_token":"w0","vocab": {{{vocabulary}{gap}}}'
    return f'{{"added_tokens":[],"model":{{{model}}}}}'


def many_templates(folder: Path) -> None:
    """3,000 templates and 20,000 added tokens."""
    serialized(folder, 20_000)
    below = folder / "additional_chat_templates"
    below.mkdir()
    for n in range(3_000):
        (below / f"t{n}.jinja").write_text(f"{{{{ '<|a{n}|>' }}}}")


def pieces(count: int) -> bytes:
    """A sentencepiece model of so many pieces."""
    texts = (b"p%d" % n for n in range(count))
    return b"".join(b"\x0a" + bytes([len(text) + 2, 10, len(text)]) + text for text in texts)


def processor(count: int) -> dict[str, object]:
    """A TemplateProcessing that sets so many tokens before each text."""
    return {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": f"t{n}", "type_id": 0}} for n in range(count)],
        "pair": [],
        "special_tokens": {f"t{n}": {"id": f"t{n}", "ids": [n], "tokens": [f"w{n}"]} for n in range(count)},
    }


def sequences(depth: int) -> dict[str, object]:
    """A sequence of one sequence of one …"""
    value: dict[str, object] = {"type": "NFC"}
    for _ in range(depth // 2):
        value = {"type": "Sequence", "normalizers": [value], "processors": [value]}
    return value


def tekken(count: int) -> dict[str, object]:
    """A tekken.json of so many entries, half of them special."""
    entry = [
        {"rank": n, "token_bytes": b64encode(b"t%d" % n).decode(), "token_str": f"t{n}"} for n in range(count)
    ]
    return {
        "config": {"default_vocab_size": count, "default_num_special_tokens": 60_000},
        "vocab": entry,
        "special_tokens": [{"rank": n, "token_str": f"<s{n}>", "is_control": True} for n in range(60_000)],
    }


def names(count: int, start: str = "<a") -> list[str]:
    return [f"{start}{n}>" for n in range(count)]


FOLDERS: dict[str, Callable[[], Write]] = {
    "20,000 roles, 20,000 added tokens": lambda: template(
        "".join(f"<|{{{{ role }}}}|{n}>" for n in range(20_000)), 20_000
    ),
    "20,000 literals, 20,000 added tokens": lambda: template(
        "".join(f"<|t{n}|>" for n in range(20_000)), 20_000
    ),
    "unclosed string, 2 MB": lambda: template("{{ '" + "\\' " * 660_000),
    "unclosed string, 1 MB": lambda: template("{{ '" + "\\' " * 340_000),
    "unclosed strings of two kinds, 1 MB": lambda: template("{{ " + '"\\' * 500_000),
    "open tags, 1 MB": lambda: template("{%" * 500_000),
    "nested brackets, 1 MB": lambda: template("{{ " + "(" * 1_000_000),
    "nested blocks, 1 MB": lambda: template("{% if a %}" * 100_000),
    "a loop in a loop, eight times": lambda: template(
        "{% for x in range(9999) %}" * 8 + "x" + "{% endfor %}" * 8
    ),
    "text that doubles": lambda: template("{% set x = 'a' %}" + "{% set x = x + x %}" * 60 + "{{ x }}"),
    "template of 100 MB": lambda: template("a" * 100_000_000),
    "3,000 templates": lambda: many_templates,
    "one token of 100 MB": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(whole('"a": 0, "' + "x" * 100_000_000 + '": 1')) and None
        )
    ),
    "one token of 45 MB, one emoji": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(whole('"😀": 0, "' + "x" * 45_000_000 + '": 1')) and None
        )
    ),
    "vocab.txt, 10,000,000 lines": lambda: instead(
        "vocab.txt", b"".join(b"t%d\n" % n for n in range(10_000_000))
    ),
    "vocab.txt, 1,000,000 lines": lambda: instead(
        "vocab.txt", b"".join(b"t%d\n" % n for n in range(1_000_000))
    ),
    "vocab.txt, one line of 100 MB": lambda: instead("vocab.txt", b"a" * 100_000_000),
    "vocab.json, 5,000,000 entries": lambda: instead("vocab.json", ("{" + entries(5_000_000) + "}").encode()),
    "vocab.json, 1,000,000 entries": lambda: instead("vocab.json", ("{" + entries(1_000_000) + "}").encode()),
    "tokenizer.json, 5,000,000 lines": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(whole("\n" + entries(5_000_000, "\n", "      "), "\n    "))
            and None
        )
    ),
    "tokenizer.json, 1,000,000 lines": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(whole("\n" + entries(1_000_000, "\n", "      "), "\n    "))
            and None
        )
    ),
    "10,000,000 merges": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(
                '{"model":{"type":"BPE","vocab":{"a":0},"merges":[' + '"a b",' * 10_000_000 + '"a b"]}}'
            )
            and None
        )
    ),
    "10,000,000 merges before the vocabulary": lambda: (
        lambda folder: (
            (folder / "tokenizer.json").write_text(
                '{"model":{"type":"BPE","merges":[' + '"a b",' * 10_000_000 + '"a b"],"vocab":{"a":0}}}'
            )
            and None
        )
    ),
    "Unigram, 900,000 pieces": lambda: (
        lambda folder: serialized(
            folder, model={"type": "Unigram", "unk_id": 0, "vocab": [[f"w{n}", -1.0] for n in range(900_000)]}
        )
    ),
    "sentencepiece, 10,000,000 pieces": lambda: instead("tokenizer.model", pieces(10_000_000)),
    "sentencepiece, 1,000,000 pieces": lambda: instead("tokenizer.model", pieces(1_000_000)),
    "sentencepiece, 20,000,000 fields": lambda: instead(
        "tokenizer.model", b"\x0a\x00" + b"\x18\x01" * 20_000_000
    ),
    "tiktoken, 40,000,000 empty lines": lambda: instead("x.tiktoken", b"YQ== 0\n" + b"\n" * 40_000_000),
    "200,000 added tokens": lambda: lambda folder: serialized(folder, 200_000),
    "5,000,000 brackets": lambda: (
        beside("tokenizer.json", 0)
        and (lambda folder: (folder / "tokenizer.json").write_text("[" * 5_000_000) and None)
    ),
    "a post-processor of 500,000 tokens": lambda: (
        lambda folder: serialized(folder, post_processor=processor(500_000))
    ),
    "a post-processor of 100,000 tokens": lambda: (
        lambda folder: serialized(folder, post_processor=processor(100_000))
    ),
    "500,000 post-processors": lambda: (
        lambda folder: serialized(
            folder, post_processor={"type": "Sequence", "processors": [{"type": "ByteLevel"}] * 500_000}
        )
    ),
    "500,000 normalizers, pre-tokenizers, decoders": lambda: (
        lambda folder: serialized(
            folder,
            normalizer={"type": "Sequence", "normalizers": [{"type": "NFC"}] * 300_000},
            pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}] * 300_000},
            decoder={"type": "Sequence", "decoders": [{"type": "ByteLevel"}] * 300_000},
        )
    ),
    "normalizers in normalizers, 100 deep": lambda: (
        lambda folder: serialized(folder, normalizer=sequences(100), post_processor=sequences(100))
    ),
    "a pattern of 10 MB": lambda: (
        lambda folder: serialized(
            folder,
            pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a|" * 3_000_000}, "behavior": "Isolated"},
            normalizer={"type": "Precompiled", "precompiled_charsmap": "QUFB" * 3_000_000},
        )
    ),
    "1,000,000 entries behind the last row": lambda: instead(
        "vocab.json", ("{" + ",".join(f'"w{n}":{n + 64}' for n in range(1_000_000)) + "}").encode()
    ),
    "1,000,000 entries with one id": lambda: instead(
        "vocab.json", ("{" + ",".join(f'"w{n}":3' for n in range(1_000_000)) + "}").encode()
    ),
    "ids of 4,000 digits": lambda: instead("vocab.json", b'{"a": ' + b"9" * 4_000 + b', "b": 1}'),
    "ids that are no numbers, of 10 MB": lambda: instead(
        "vocab.json", b'{"a": "' + b"9" * 10_000_000 + b'", "b": 1}'
    ),
    "500,000 placeholders": lambda: instead(
        "vocab.txt", b"".join(b"[unused%d]\n" % n for n in range(500_000))
    ),
    "700 tokens of 60,000 characters": lambda: instead(
        "vocab.json", json.dumps({str(n) + "x" * 60_000: n for n in range(700)}).encode()
    ),
    "64 added tokens of 60,000 characters": lambda: (
        lambda folder: serialized(
            folder,
            32,
            added_tokens=[
                {"id": 32 + n, "content": f"<{n}" + "x" * 60_000, "special": True} for n in range(64)
            ],
        )
    ),
    "tekken.json of 500,000 entries": lambda: instead("tekken.json", json.dumps(tekken(500_000)).encode()),
    "tiktoken, 1,000,000 lines": lambda: instead(
        "x.tiktoken", b"".join(b64encode(b"t%d" % n) + b" %d\n" % n for n in range(1_000_000))
    ),
    "tiktoken, one token of 90 MB": lambda: instead("x.tiktoken", b"YWFh" * 22_000_000 + b" 0\n"),
    "sentencepiece, nested lengths": lambda: instead("tokenizer.model", b"\x0a\xff\xff\xff\x7f" * 10_000_000),
    "sentencepiece, one varint of 50 MB": lambda: instead("tokenizer.model", b"\x0a" + b"\xff" * 50_000_000),
    "GGUF under the name of a sentencepiece model": lambda: instead("tokenizer.model", b"GGUF" * 12_000_000),
}
