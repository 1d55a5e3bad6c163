"""Tokens added inside of the padding keep its rows, as transformers leaves them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer

import rowscope
from rowscope.inspector.claim import plan_claim

DEMO = Path(__file__).parents[2] / "examples" / "tiny_qwen2" / "model"
ADDED = ["<|mine|>", "<|yours|>"]


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo after `tokenizer.add_tokens` of two tokens, without a resize: there are rows enough."""
    folder = Path(shutil.copytree(DEMO, tmp_path_factory.mktemp("inside") / "model"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(ADDED)
    tokenizer.save_pretrained(folder)
    assert tokenizer.convert_tokens_to_ids(ADDED) == [4016, 4017]
    return folder


def test_they_are_named(inside: Path) -> None:
    (finding,) = [item for item in rowscope.audit(inside).findings if item.code == "TOK301"]
    assert {4016, 4017} <= set(finding.evidence["as_padding"]) <= set(finding.evidence["ids"])
    assert "may have been added without a resize" in finding.hint
    assert (DEMO / "model.safetensors").read_bytes() == (inside / "model.safetensors").read_bytes()


def test_the_plan_of_a_claim_names_them(inside: Path) -> None:
    plan = plan_claim(inside, "<|new|>")
    (caution,) = [item for item in plan.cautions if item.code == "kept-padding"]
    assert "4003" in caution.message
    assert "kept-padding" not in {
        item.code for item in plan_claim(inside, "<|new|>", values="like:er").cautions
    }


def test_tokens_with_a_start_value_are_not(inside: Path, tmp_path: Path) -> None:
    rowscope.claim_into(DEMO, ADDED, tmp_path / "out")
    for finding in rowscope.audit(tmp_path / "out").findings:
        if finding.code == "TOK301":
            assert not {4016, 4017} & set(finding.evidence["as_padding"])


def test_without_padding_there_is_nothing_to_keep(inside: Path, reports) -> None:
    for report in reports.values():
        for finding in report.findings:
            if finding.code == "TOK301" and not report.census.groups["unmapped"].count:
                assert finding.evidence["as_padding"] == []
