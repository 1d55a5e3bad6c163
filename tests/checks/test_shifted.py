"""TOK308: what files state and transformers gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

import rowscope
from rowscope.inspector.checks import Finding

from .chat import EOT, write_chat


def found(folder: Path) -> Finding | None:
    return next((item for item in rowscope.audit(folder).findings if item.code == "TOK308"), None)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_chat(tmp_path, template=None, config={"eos_token_id": EOT})


def restated(folder: Path, *ids: int) -> None:
    """tokenizer.json with these ids for its four added tokens."""
    path = folder / "tokenizer.json"
    whole = json.loads(path.read_text())
    for token, id in zip(whole["added_tokens"], ids, strict=True):
        token["id"] = id
    path.write_text(json.dumps(whole))


@pytest.mark.parametrize(
    ("ids", "shifted", "twice"),
    [
        ((4, 5, 6, 7), {}, []),
        ((4, 5, 5, 6), {"<|im_end|>": 5, "<|call|>": 6}, [5]),
        ((4, 6, 7, 8), {"<|im_start|>": 6, "<|im_end|>": 7, "<|call|>": 8}, []),
        ((2, 5, 6, 7), {"<|endoftext|>": 2}, []),
        ((4, 5, 6, 500), {"<|call|>": 500}, []),
    ],
)
def test_stated_and_loaded(plain: Path, ids: Any, shifted: dict[str, int], twice: list[int]) -> None:
    restated(plain, *ids)
    finding = found(plain)
    tokenizer = AutoTokenizer.from_pretrained(plain)
    if not shifted:
        assert finding is None
        return
    assert finding is not None
    assert finding.severity == "warning"
    assert {item["token"]: item["stated"] for item in finding.evidence["shifted"]} == shifted
    for item in finding.evidence["shifted"]:
        assert tokenizer.convert_tokens_to_ids(item["token"]) == item["id"] != item["stated"]
    assert [item["id"] for item in finding.evidence["twice"]] == twice
    first = finding.evidence["shifted"][0]
    assert f"{first['token']!r}: {first['stated']} -> {first['id']}" in finding.message


def test_a_config_that_means_the_stated_id(plain: Path) -> None:
    restated(plain, 4, 5, 5, 6)
    config = json.loads((plain / "config.json").read_text())
    (plain / "config.json").write_text(json.dumps(config | {"eos_token_id": 5}))
    finding = found(plain)
    assert finding is not None
    assert "config.json: eos_token_id 5 was '<|im_end|>' by the file" in finding.message
    assert AutoTokenizer.from_pretrained(plain).convert_ids_to_tokens(5) == "<|im_start|>"


def test_two_files_that_disagree(plain: Path) -> None:
    settings = json.loads((plain / "tokenizer_config.json").read_text())
    flags = dict.fromkeys(("lstrip", "rstrip", "single_word", "normalized"), False) | {"special": True}
    listed = {"9": {"content": "<|call|>", **flags}}
    (plain / "tokenizer_config.json").write_text(json.dumps(settings | {"added_tokens_decoder": listed}))
    finding = found(plain)
    assert finding is not None
    assert finding.evidence["shifted"] == [
        {"token": "<|call|>", "stated": 9, "id": 7, "source": "tokenizer_config.json"}
    ]
    assert AutoTokenizer.from_pretrained(plain).convert_tokens_to_ids("<|call|>") == 7


def test_two_words_of_one_id(plain: Path) -> None:
    path = plain / "tokenizer.json"
    whole = json.loads(path.read_text())
    whole["model"]["vocab"]["d"] = 3
    path.write_text(json.dumps(whole))
    tokenizer = AutoTokenizer.from_pretrained(plain)
    assert tokenizer.convert_tokens_to_ids(["c", "d"]) == [3, 3]
    finding = found(plain)
    assert finding is not None
    assert {"id": 3, "tokens": ["c", "d"]} in finding.evidence["twice"]
