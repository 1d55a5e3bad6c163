"""VOC102: ids without a row, beside what the loaded model does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import rowscope
from rowscope.inspector.checks import Finding

from .chat import CHATML, EOT, ROWS, write_chat

IMAGE = "<|image|>"


def found(folder: Path) -> Finding | None:
    return next((item for item in rowscope.audit(folder).findings if item.code == "VOC102"), None)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """The chat model with one token more than rows: `<|image|>`, id 12."""
    folder = write_chat(tmp_path, config={"eos_token_id": EOT})
    whole = json.loads((folder / "tokenizer.json").read_text())
    first = whole["added_tokens"][0]
    whole["added_tokens"] += [dict(first, id=id, content=f"<f{id}>") for id in range(8, ROWS)]
    whole["added_tokens"].append(dict(first, id=ROWS, content=IMAGE))
    (folder / "tokenizer.json").write_text(json.dumps(whole))
    return folder


def edit(folder: Path, name: str, **values: Any) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def runs(folder: Path, ids: list[int]) -> bool:
    try:
        AutoModelForCausalLM.from_pretrained(folder)(torch.tensor([ids]))
    except IndexError:
        return False
    return True


def test_named_by_the_tokenizer_alone(wide: Path) -> None:
    """As gemma-3-270m comes: a text model with the tokenizer of its multimodal siblings."""
    edit(wide, "tokenizer_config.json", image_token=IMAGE)
    tokenizer = AutoTokenizer.from_pretrained(wide)
    assert tokenizer.convert_tokens_to_ids(IMAGE) == ROWS
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "ab"}], return_dict=False)
    assert runs(wide, chat)
    finding = found(wide)
    assert finding is not None
    assert (finding.severity, finding.evidence["used_by_config_or_template"]) == ("warning", [])
    assert not [item for item in rowscope.audit(wide).findings if item.severity == "error"]


@pytest.mark.parametrize(
    "key", ["image_token_id", "image_token_index", "eos_token_id", "decoder_start_token_id"]
)
def test_named_by_config(wide: Path, key: str) -> None:
    edit(wide, "config.json", **{key: ROWS})
    finding = found(wide)
    assert finding is not None
    assert finding.severity == "error"
    assert f"which config.json: {key} names" in finding.message
    assert not runs(wide, [1, ROWS])


def test_named_by_generation_config(wide: Path) -> None:
    (wide / "generation_config.json").write_text(json.dumps({"eos_token_id": [EOT, ROWS]}))
    finding = found(wide)
    assert finding is not None
    assert finding.severity == "error"


def test_written_by_the_template(wide: Path) -> None:
    (wide / "chat_template.jinja").write_text(IMAGE + CHATML)
    chat = AutoTokenizer.from_pretrained(wide).apply_chat_template(
        [{"role": "user", "content": "ab"}], return_dict=False
    )
    assert not runs(wide, chat)
    finding = found(wide)
    assert finding is not None
    assert finding.severity == "error"
    assert "chat template default names" in finding.message
