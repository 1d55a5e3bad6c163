"""One thing out of all proportion: cut with a count, or refused with a figure, by every command."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.matrices.loading import foreign_prefix
from rowscope.inspector.storage import decode_json
from rowscope.inspector.vocabulary import library_tokenizer

TABLE = "model.embed_tokens.weight"
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 40, "hidden_size": 8}
WORDS = {f"w{id}": id for id in range(32)}
COMMANDS = {
    "audit": ["audit", "PATH"],
    "html": ["audit", "PATH", "--format", "html"],
    "markdown": ["audit", "PATH", "--format", "markdown"],
    "inspect": ["inspect", "PATH"],
    "rows": ["rows", "PATH", "--ids", "0:4"],
    "suspects": ["suspects", "PATH"],
    "mask": ["mask", "PATH"],
    "diff": ["diff", "PATH", "PATH"],
    "claim": ["claim", "PATH", "<|new|>", "--dry-run"],
}


Run = Callable[..., tuple[int, str, str]]
Call = Callable[[str, Path], tuple[int, str]]


@pytest.fixture
def call(run: Run) -> Call:
    """call(command, folder) -> exit code and all that was printed."""

    def command(name: str, folder: Path) -> tuple[int, str]:
        code, out, err = run(*(folder if word == "PATH" else word for word in COMMANDS[name]))
        return code, out + err

    return command


@pytest.fixture
def folder(tmp_path: Path, write_checkpoint: Callable[..., Path]) -> Path:
    rows = np.random.default_rng(0).normal(size=(40, 8)).astype("f4")
    return write_checkpoint(tmp_path / "checkpoint", {TABLE: rows}, CONFIG, WORDS)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "values",
    [
        {"architectures": [f"LlamaForCausalLM{n}" for n in range(20_000)]},
        {"architectures": ["A" * 10**6], "model_type": "m" * 10**6},
        {"quantization_config": {"quant_method": "q" * 10**6}},
        {"vocab_size": "v" * 10**6, "eos_token_id": "e" * 10**6, "hidden_size": [1] * 10**5},
        {"tie_word_embeddings": "t" * 10**6, "eos_token_id": [2**70], "pad_token_id": 10**300},
        {"vocab_size": 10**300, "hidden_size": 10**300},
        {"vocab_size": 2**63, "hidden_size": 2**64, "eos_token_id": 2**63 - 1, "bos_token_id": -(2**70)},
    ],
    ids=["classes", "names", "method", "text", "flags", "huge", "edges"],
)
def test_what_a_config_says_fills_no_terminal(
    folder: Path, call: Call, name: str, values: dict[str, object]
) -> None:
    (folder / "config.json").write_text(json.dumps({**CONFIG, **values}))
    code, text = call(name, folder)
    assert code in (0, 1, 3, 5)
    assert len(text) < 250_000


FLAGS = {"special": True, "normalized": False, "lstrip": False, "rstrip": False, "single_word": False}
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "w1", "type_id": 0}}],
    "pair": [],
}
ID_PLACES: dict[str, Callable[[int], tuple[str, dict[str, object]]]] = {
    "vocabulary": lambda id: ("vocab.json", {"a": 0, "b": id}),
    "added": lambda id: ("tokenizer.json", {"added_tokens": [{"id": id, "content": "<x>", **FLAGS}]}),
    "list": lambda id: ("added_tokens.json", {"<x>": id}),
    "decoder": lambda id: (
        "tokenizer_config.json",
        {"added_tokens_decoder": {str(id): {"content": "<x>", **FLAGS}}},
    ),
    "processor": lambda id: (
        "tokenizer.json",
        {
            "post_processor": {
                **TEMPLATE,
                "special_tokens": {"w1": {"id": "w1", "ids": [id], "tokens": ["w1"]}},
            }
        },
    ),
    "padding": lambda id: ("tokenizer.json", {"padding": {"pad_id": id, "pad_token": "w1"}}),
    "generation": lambda id: ("generation_config.json", {"eos_token_id": [id, 3], "pad_token_id": id}),
    "suppressed": lambda id: (
        "generation_config.json",
        {"suppress_tokens": [id], "forced_bos_token_id": id, "bad_words_ids": [[id]]},
    ),
    "config": lambda id: (
        "config.json",
        {"eos_token_id": id, "pad_token_id": id, "image_token_id": id, "decoder_start_token_id": id},
    ),
    "claim": lambda id: (
        "rowscope-claim.json",
        {"rowscope_claim": 1, "rows": [{"id": id, "role": "input", "tensor": TABLE, "sha256": "0" * 64}]},
    ),
}


@pytest.mark.parametrize("id", [2**63 - 1, 2**63, 10**300, -(2**70)], ids=["last", "next", "huge", "less"])
@pytest.mark.parametrize("place", ID_PLACES)
def test_ids_beyond_every_type_are_answered(folder: Path, call: Call, place: str, id: int) -> None:
    name, values = ID_PLACES[place](id)
    path = folder / name
    stated = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**stated, **values}))
    if name == "vocab.json":
        (folder / "tokenizer.json").unlink()
    for command in ("audit", "mask", "diff", "claim"):
        assert call(command, folder)[0] in (0, 1, 3, 5)


def test_classes_are_cut_with_their_number(folder: Path, call: Call) -> None:
    names = [f"C{n}" for n in range(20_000)]
    (folder / "config.json").write_text(json.dumps({**CONFIG, "architectures": names}))
    for name in ("audit", "html", "markdown", "inspect"):
        assert "C0, C1, C2 and 19,997 more" in " ".join(call(name, folder)[1].split())


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"inspect"}))
def test_an_integer_of_thousands_of_digits_is_no_value(folder: Path, call: Call, name: str) -> None:
    (folder / "config.json").write_text('{"vocab_size": ' + "9" * 4_000 + "}")
    code, text = call(name, folder)
    assert code in (0, 1, 3, 5)
    assert name != "audit" or "an integer of 4,000 digits" in " ".join(text.split())


@pytest.mark.parametrize("at", [0, 1, 60, 61, 200])
def test_long_integers_are_seen_wherever_they_stand(at: int) -> None:
    assert decode_json(" " * at + "[" + "9" * 308 + "]") == [int("9" * 308)]
    with pytest.raises(ValueError, match="an integer of 309 digits"):
        decode_json(" " * at + "[" + "9" * 309 + "]")
    assert decode_json(json.dumps({"a": "9" * 400, "b": [1, -2, 3.5]})) == {"a": "9" * 400, "b": [1, -2, 3.5]}


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"inspect"}))
def test_rows_wider_than_any_are_refused(folder: Path, call: Call, name: str) -> None:
    header = json.dumps(
        {TABLE: {"dtype": "BF16", "shape": [2, 1 << 30], "data_offsets": [0, 1 << 32]}}
    ).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + (1 << 32))  # nothing of it is on the disk
    code, _ = call(name, folder)
    assert code in (0, 1, 2, 3, 5)


def test_long_names_and_shapes_are_cut_in_listings(folder: Path, call: Call, run: Run) -> None:
    name = "a" * 10**6
    header = json.dumps({name: {"dtype": "F32", "shape": [1] * 10**5, "data_offsets": [0, 4]}}).encode()
    data = struct.pack("<Q", len(header)) + header + bytes(4)
    (folder / "model.safetensors").write_bytes(data)
    assert len(call("inspect", folder)[1]) < 20_000
    whole = run("inspect", folder, "--all")[1]
    assert name in whole


def test_many_groups_are_cut_with_their_number(folder: Path, call: Call) -> None:
    entries = {f"{'x' * (n % 7)}{'yz' * (n // 7)}w": n for n in range(1_500)}
    header = json.dumps(
        {name: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for name in entries}
    ).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    text = call("inspect", folder)[1]
    assert f"and {len(entries) - 1_000} more groups; --all lists them" in text


def test_ids_without_a_row_are_counted_and_the_first_are_listed(folder: Path, run: Run) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps({f"w{n}": n + 40 for n in range(12_000)}))
    census = json.loads(run("audit", folder, "--format", "json")[1])["census"]
    assert census["out_of_range_count"] == 12_000
    assert [item["id"] for item in census["out_of_range"]] == list(range(40, 10_040))


@pytest.mark.parametrize(
    "changes",
    [
        {"post_processor": {"type": "Sequence", "processors": [{"type": "Unheard"}]}},
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a|"}, "behavior": "Isolated"}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "QUFB"}},
        {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}},
    ],
)
def test_a_tokenizer_that_the_library_refuses_is_an_error_of_ours(
    folder: Path, call: Call, changes: dict[str, object]
) -> None:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(TokenizerError, match=r"cannot be loaded by the package tokenizers.*take it from"):
        library_tokenizer(path.read_bytes(), "tokenizer.json")
    code, text = call("claim", folder)
    assert code == 3
    assert "Traceback" not in text


def test_the_prefix_of_most_names_is_found_in_many() -> None:
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    names = [f"m{n}.model.embed_tokens.weight" for n in range(3_000)]
    names += [f"m7.model.layers.{n}.mlp.up_proj.weight" for n in range(30)] + ["m70.x", "m7.\U0010ffff"]
    assert foreign_prefix(names, config) == ("m7.", TABLE)
