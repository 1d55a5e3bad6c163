"""TOK307: ids that the tokenizer inserts, beside what transformers, tokenizers and the model do with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

import rowscope
from rowscope.inspector.checks import Finding

from .chat import END, EOT, ROWS, START, write_chat


def found(folder: Path) -> Finding | None:
    return next((item for item in rowscope.audit(folder).findings if item.code == "TOK307"), None)


def template(id: int, token: str = "<|im_start|>") -> dict[str, Any]:
    return {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "x", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {
            "x": {"id": "x", "ids": [id], "tokens": [token]},
            "unused": {"id": "unused", "ids": [99], "tokens": ["<|never|>"]},
        },
    }


def bert(id: int) -> dict[str, Any]:
    return {"type": "BertProcessing", "sep": ["<|im_end|>", END], "cls": ["<|im_start|>", id]}


def sequence(id: int) -> dict[str, Any]:
    level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    return {"type": "Sequence", "processors": [level, template(id)]}


def edit(folder: Path, **parts: Any) -> Path:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_chat(tmp_path, template=None, config={"eos_token_id": EOT})


def runs(folder: Path, ids: list[int]) -> bool:
    """Whether the model takes the ids."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    try:
        model(torch.tensor([ids]))
    except IndexError:
        return False
    return True


@pytest.mark.parametrize("make", [template, bert, sequence])
@pytest.mark.parametrize(
    ("id", "severity", "fault"),
    [
        (START, None, None),
        (2, "warning", "another token"),
        (9, "warning", "unmapped"),
        (99, "error", "no row"),
    ],
)
def test_post_processor(plain: Path, make: Any, id: int, severity: str | None, fault: str | None) -> None:
    finding = found(edit(plain, post_processor=make(id)))
    ids = AutoTokenizer.from_pretrained(plain)("ab").input_ids
    assert ids[0] == id
    assert runs(plain, ids) is (id < ROWS)
    assert (finding.severity if finding else None) == severity
    if finding is not None:
        (place,) = finding.evidence["places"]
        assert (place["id"], place["right"], place["fault"]) == (id, START, fault)
        assert finding.location == "tokenizer.json: post_processor"
        assert str(START) in finding.hint


@pytest.mark.parametrize(("id", "severity"), [(END, None), (2, "warning"), (10, "warning"), (99, "error")])
def test_padding(plain: Path, id: int, severity: str | None) -> None:
    padding = {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None}
    edit(plain, padding=padding | {"pad_id": id, "pad_type_id": 0, "pad_token": "<|im_end|>"})
    assert AutoTokenizer.from_pretrained(plain)(["ab", "a"], padding=True).input_ids[1][-1] == END
    alone = Tokenizer.from_file(str(plain / "tokenizer.json")).encode_batch(["ab", "a"])[1].ids
    assert alone[-1] == id
    assert runs(plain, alone) is (id < ROWS)
    finding = found(plain)
    assert (finding.severity if finding else None) == severity


@pytest.mark.parametrize(("fillers", "severity"), [(0, "warning"), (ROWS - 8, "error")])
@pytest.mark.parametrize("file", ["tokenizer_config.json", "special_tokens_map.json"])
def test_a_role_of_a_token_that_no_file_lists(plain: Path, fillers: int, severity: str, file: str) -> None:
    path = plain / file
    known = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(known | {"pad_token": "[PAD]"}))
    added = json.loads((plain / "tokenizer.json").read_text())["added_tokens"]
    more = [dict(added[0], content=f"<f{place}>", id=8 + place) for place in range(fillers)]
    edit(plain, added_tokens=[*added, *more])
    tokenizer = AutoTokenizer.from_pretrained(plain)
    id = tokenizer.convert_tokens_to_ids("[PAD]")
    assert id == 8 + fillers
    assert runs(plain, [1, id]) is (severity == "warning")
    finding = found(plain)
    assert finding is not None
    assert (finding.severity, finding.evidence["ids"]) == (severity, [id])
    assert finding.location == f"{file}: pad_token"


@pytest.mark.parametrize(
    "processor",
    [None, [], {}, {"type": "Sequence"}, {"type": "Sequence", "processors": [1, None]}, {"type": "Other"},
     {"type": "BertProcessing", "sep": 1, "cls": ["a"]}, {"type": "TemplateProcessing", "single": [1, {}]}],
)  # fmt: skip
def test_what_the_library_would_refuse_is_left_to_it(plain: Path, processor: object) -> None:
    assert found(edit(plain, post_processor=processor)) is None
