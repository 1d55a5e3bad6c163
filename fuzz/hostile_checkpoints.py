"""Hostile folders, all but the tokenizers: settings, indexes, headers, adapters, records, files."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

from hostile_tokenizers import Write, beside, names

CONFIG, GENERATION, INDEX = "config.json", "generation_config.json", "model.safetensors.index.json"
JSON_FILES = (
    CONFIG,
    GENERATION,
    INDEX,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "adapter_config.json",
    "rowscope-claim.json",
    "preprocessor_config.json",
    "chat_template.json",
    "params.json",
)
DEEP = "[" * 100_000 + "]" * 100_000
DIGITS = "9" * 1_000_000
MILLION = range(1_000_000)
TABLE = "model.embed_tokens.weight"


def text(name: str, content: str) -> Write:
    """A file of this text beside the others, or in the place of one."""
    return lambda folder: (folder / name).write_text(content) and None


def config(**values: object) -> Write:
    """Further keys of config.json."""

    def write(folder: Path) -> None:
        path = folder / CONFIG
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return write


def literal(key: str, value: str) -> Write:
    """config.json with a value that json.dumps would not write."""

    def write(folder: Path) -> None:
        stated = (folder / CONFIG).read_text().rstrip("}")
        (folder / CONFIG).write_text(f'{stated}, "{key}": {value}}}')

    return write


def everywhere(content: str) -> Write:
    """The same text in every JSON file but the tokenizer's."""

    def write(folder: Path) -> None:
        for name in JSON_FILES[1:]:
            (folder / name).write_text(f'{{"a": {content}}}')

    return write


def header(entries: dict[str, object], data: int = 0) -> Write:
    """model.safetensors with this header and so many zeros behind it, unwritten (a sparse file)."""

    def write(folder: Path) -> None:
        raw = json.dumps(entries).encode()
        with (folder / "model.safetensors").open("wb") as file:
            file.write(struct.pack("<Q", len(raw)) + raw)
            file.truncate(8 + len(raw) + data)

    return write


def table(shape: list[int], dtype: str = "BF16", size: int = 2) -> Write:
    """A vocabulary table of this shape, nothing else."""
    length = size
    for side in shape:
        length *= side
    return header({TABLE: {"dtype": dtype, "shape": shape, "data_offsets": [0, length]}}, length)


def empty_tensors(all_names: list[str]) -> Write:
    """Tensors without an element under these names."""
    return header({name: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for name in all_names})


def tables(count: int) -> Write:
    """So many tensors that bear the name of an input table."""
    shape = {"dtype": "F32", "shape": [4, 2]}
    entries = {
        f"m{n}.embed_tokens.weight": {**shape, "data_offsets": [32 * n, 32 * n + 32]} for n in range(count)
    }
    return header(entries, 32 * count)


def files(count: int, name: str = "model-{n}.safetensors", content: bytes = b"") -> Write:
    """So many files of one kind."""

    def write(folder: Path) -> None:
        for n in range(count):
            (folder / name.format(n=n)).write_bytes(content)

    return write


def claim_record(folder: Path) -> None:
    """10,000 rows as a claim notes them, all with long words."""
    row = {"id": 3, "role": "input", "tensor": TABLE, "values": "x" * 500, "sha256": "0" * 64}
    (folder / "rowscope-claim.json").write_text(json.dumps({"rowscope_claim": 1, "rows": [row] * 10_000}))


def adapter(**values: object) -> Write:
    """An adapter's settings instead of a config, over tensors that an adapter has."""

    def write(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
        (folder / CONFIG).unlink()
        settings = {"peft_type": "LORA", "r": 2, "base_model_name_or_path": "../base", **values}
        (folder / "adapter_config.json").write_text(json.dumps(settings))

    return write


def nested_configs(depth: int) -> dict[str, object]:
    """A text_config in a text_config in a …"""
    value: dict[str, object] = {"vocab_size": 64}
    for _ in range(depth):
        value = {"text_config": value}
    return value


def both(*writes: Write) -> Write:
    return lambda folder: [write(folder) for write in writes] and None


FOLDERS: dict[str, Callable[[], Write]] = {
    "1,000,000 end tokens": lambda: config(eos_token_id=list(MILLION)),
    "config of 1,900,000 numbers": lambda: config(x=list(range(1_900_000))),
    "generation_config of 1,000,000 end tokens": lambda: beside(GENERATION, {"eos_token_id": list(MILLION)}),
    "1,000,000 suppressed, forced and bad ids": lambda: beside(
        GENERATION, {"suppress_tokens": list(MILLION), "bad_words_ids": [[n] for n in range(300_000)]}
    ),
    "1,000,000 stop strings": lambda: beside(
        GENERATION, {"eos_token_id": 3, "stop_strings": names(1_000_000)}
    ),
    "1,000,000 classes": lambda: config(architectures=names(1_000_000, "LlamaForCausalLM")),
    "names of 10 MB in the config": lambda: config(
        architectures=["A" * 10_000_000],
        model_type="m" * 10_000_000,
        quantization_config={"quant_method": "q" * 10_000_000},
    ),
    "values of 8 MB where numbers belong": lambda: config(
        vocab_size="v" * 8_000_000, hidden_size="h" * 8_000_000, eos_token_id="e" * 8_000_000
    ),
    "values of 8 MB where flags belong": lambda: config(
        tie_word_embeddings="t" * 8_000_000, dtype="d" * 8_000_000, vocab_size=[1] * 1_000_000
    ),
    "1,000,000 modules that are not quantized": lambda: config(
        quantization_config={"quant_method": "fp8", "modules_to_not_convert": names(1_000_000)}
    ),
    "1,000,000 labels": lambda: config(id2label={str(n): f"l{n}" for n in MILLION}),
    "text_config in text_config, 120 deep": lambda: config(**nested_configs(120)),
    "60,000 configs in a config": lambda: config(
        **{f"c{n}_config": {"vocab_size": n} for n in range(60_000)}
    ),
    "100,000 brackets in every JSON file": lambda: everywhere(DEEP),
    "100,000 brackets in config.json": lambda: text(CONFIG, DEEP),
    "numbers of 1,000,000 digits in every JSON file": lambda: everywhere(DIGITS),
    "vocab_size of 1,000,000 digits": lambda: literal("vocab_size", DIGITS),
    "vocab_size of 4,000 digits": lambda: literal("vocab_size", "9" * 4_000),
    "vocab_size of 1e400, end token of 300 digits": lambda: both(
        literal("vocab_size", "1e400"), literal("eos_token_id", "9" * 300)
    ),
    "index of 1,000,000 tensors": lambda: beside(
        INDEX, {"weight_map": {f"t{n}": "model.safetensors" for n in MILLION}}
    ),
    "index of 300,000 files": lambda: beside(
        INDEX, {"weight_map": {f"t{n}": f"m{n}.safetensors" for n in range(300_000)}}
    ),
    "index of 1,000,000 files": lambda: beside(
        INDEX, {"weight_map": {f"t{n}": f"m{n}.safetensors" for n in MILLION}}
    ),
    "index with names of 10 MB": lambda: beside(
        INDEX,
        {"metadata": {"total_size": "9" * 10_000_000}, "weight_map": {"t" * 10_000_000: "m" * 10_000_000}},
    ),
    "300,000 tensors": lambda: empty_tensors([f"t{n}" for n in range(300_000)]),
    "1,900,000 values in a header": lambda: empty_tensors([f"t{n}" for n in range(270_000)]),
    "tensors with names of 10 MB": lambda: empty_tensors(
        ["a" * 10_000_000, "b" * 10_000_000 + ".embed_tokens.weight"]
    ),
    "__metadata__ of 900,000 keys": lambda: header({"__metadata__": {f"k{n}": "v" for n in range(900_000)}}),
    "__metadata__ of 90 MB": lambda: header({"__metadata__": {"k": "v" * 90_000_000}}),
    "a shape of 1,000,000 sides": lambda: header(
        {TABLE: {"dtype": "F32", "shape": [1] * 1_000_000, "data_offsets": [0, 4]}}, 4
    ),
    "20,000 input tables": lambda: tables(20_000),
    "2**40 rows of nothing": lambda: table([1 << 40, 0]),
    "1 row of 2**30": lambda: table([1, 1 << 30]),
    "4,000,000 rows of 1": lambda: table([4_000_000, 1]),
    "20,000 weights files of nothing": lambda: files(20_000),
    "50,000 files of other kinds": lambda: files(50_000, "noise-{n}.gguf", b"GGUF\x03\0\0\0"),
    "a GGUF file under the name of weights": lambda: text("model.safetensors", "GGUF" + "\x7f" * 50_000_000),
    "a claim's record of 10,000 rows": lambda: claim_record,
    "1,000,000 target modules": lambda: adapter(target_modules=names(1_000_000)),
    "1,000,000 trainable ids": lambda: adapter(trainable_token_indices={"embed_tokens": list(MILLION)}),
    "an adapter with names of 10 MB": lambda: adapter(
        peft_type="p" * 10_000_000, base_model_name_or_path="b" * 10_000_000, target_modules="t" * 8_000_000
    ),
    "1,000,000 additional_special_tokens": lambda: beside(
        "tokenizer_config.json", {"additional_special_tokens": names(1_000_000)}
    ),
    "200,000 additional_special_tokens": lambda: beside(
        "tokenizer_config.json", {"additional_special_tokens": names(200_000)}
    ),
    "1,000,000 entries of added_tokens_decoder": lambda: beside(
        "tokenizer_config.json",
        {"added_tokens_decoder": {str(n + 32): {"content": f"<a{n}>"} for n in range(1_000_000)}},
    ),
    "1,000,000 entries of added_tokens.json": lambda: beside(
        "added_tokens.json", {name: n + 32 for n, name in enumerate(names(1_000_000))}
    ),
    "1,000,000 roles": lambda: beside(
        "tokenizer_config.json", {f"r{n}_token": "w1" for n in range(1_000_000)}
    ),
    "200,000 entries of added_tokens_decoder": lambda: beside(
        "tokenizer_config.json",
        {"added_tokens_decoder": {str(n + 32): {"content": f"<a{n}>"} for n in range(200_000)}},
    ),
    "1,000,000 extra_special_tokens": lambda: beside(
        "tokenizer_config.json", {"extra_special_tokens": {f"r{n}": f"<a{n}>" for n in range(1_000_000)}}
    ),
    "a list of 100,000 chat templates": lambda: beside(
        "tokenizer_config.json",
        {"chat_template": [{"name": f"n{n}", "template": "{{ x }}"} for n in range(100_000)]},
    ),
    "settings of 10 MB where names belong": lambda: beside(
        "tokenizer_config.json",
        dict.fromkeys(("tokenizer_class", "eos_token", "model_max_length", "chat_template"), "x" * 8000000),
    ),
    "1,000,000 keys of special_tokens_map.json": lambda: beside(
        "special_tokens_map.json", {f"r{n}_token": f"<a{n}>" for n in range(1_000_000)}
    ),
}
