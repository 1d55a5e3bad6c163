"""Claimed rows in a comparison: still as claimed, moved and how far, or changed by something else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import rowscope
from rowscope.inspector.checkpoint import CLAIM_RECORD
from rowscope.inspector.diff import ClaimedChange, Diff
from rowscope.inspector.render.diff import diff_lines
from rowscope.inspector.render.lines import to_plain_text

TENSOR = "model.embed_tokens.weight"
WIDTH = 64


@pytest.fixture
def folders(tmp_path: Path, write_checkpoint: Any) -> tuple[Path, Path]:
    """A checkpoint, and the same with two rows claimed (ids 96 and 97)."""
    random = np.random.default_rng(3)
    rows = (random.normal(size=(128, 6)) @ random.normal(size=(6, WIDTH)) + 0.3).astype("f4")
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128}
    words = {f"w{id}": id for id in range(96)}
    source = write_checkpoint(
        tmp_path / "source",
        {TENSOR: rows},
        {**config, "hidden_size": WIDTH, "tie_word_embeddings": True},
        words,
    )
    rowscope.claim_into(source, ["<A>", "<B>"], tmp_path / "claimed", values="like:w5")
    return source, tmp_path / "claimed"


def rows_of(folder: Path) -> NDArray[np.float32]:
    with safe_open(folder / "model.safetensors", "np") as file:
        return np.asarray(file.get_tensor(TENSOR))


def tuned(claimed: Path, target: Path, change: dict[int, float], *, record: bool, dtype: str = "f4") -> Path:
    """A copy in which rows are multiplied by factors, with or without the record."""
    shutil.copytree(claimed, target)
    tensors = load_file(target / "model.safetensors")
    for id, factor in change.items():
        tensors[TENSOR][id] *= np.float32(factor)
    save_file({name: values.astype(dtype) for name, values in tensors.items()}, target / "model.safetensors")
    if not record:
        (target / CLAIM_RECORD).unlink()
    return target


def claimed_of(result: Diff) -> tuple[ClaimedChange, ...]:
    (matrix,) = result.matrices
    return matrix.claimed


@pytest.mark.parametrize("record", [True, False])
def test_a_moved_row_says_how_far(tmp_path: Path, folders: tuple[Path, Path], record: bool) -> None:
    _, claimed = folders
    after = tuned(claimed, tmp_path / "tuned", {97: 1.31}, record=record)
    result = rowscope.diff(claimed, after)
    first, second = claimed_of(result)
    assert (first.id, first.token, first.recipe, first.state) == (96, "<A>", "like:w5", "initial")
    assert (second.id, second.state) == (97, "moved")
    before, now = rows_of(claimed)[97].astype("f8"), rows_of(after)[97].astype("f8")
    distance = np.linalg.norm(now - before) / np.linalg.norm(before)
    assert second.displacement == pytest.approx(distance, rel=1e-12)
    assert second.words == "claimed, moved by 0.31"
    text = to_plain_text(diff_lines(result, width=100))
    assert "claimed, still its initial value" in text
    assert "claimed, moved by 0.31" in text
    assert "1 still holds its initial value, 1 moved by 0.31" in text.replace("\n   ", "")


def test_a_change_of_dtype_alone_moves_nothing(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    _, claimed = folders
    after = tuned(claimed, tmp_path / "tuned", {}, record=False, dtype="f2")
    assert [row.state for row in claimed_of(rowscope.diff(claimed, after))] == ["initial", "initial"]


def test_beside_the_unclaimed_base(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    source, claimed = folders
    assert [row.state for row in claimed_of(rowscope.diff(source, claimed))] == ["initial", "initial"]
    after = tuned(claimed, tmp_path / "tuned", {97: 1.31}, record=True)
    result = rowscope.diff(source, after)
    assert [row.state for row in claimed_of(result)] == ["initial", "changed"]
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert document["matrices"][0]["claimed"][1] == {
        "id": 97,
        "token": "<B>",
        "recipe": "like:w5",
        "state": "changed",
        "displacement": None,
    }


def test_without_a_record_nothing_is_claimed(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    source, claimed = folders
    (claimed / CLAIM_RECORD).unlink()
    assert claimed_of(rowscope.diff(source, claimed)) == ()


def test_a_record_that_was_ignored_is_noted(folders: tuple[Path, Path]) -> None:
    source, claimed = folders
    (claimed / CLAIM_RECORD).write_text("[]")
    result = rowscope.diff(source, claimed)
    assert claimed_of(result) == ()
    assert any(CLAIM_RECORD in note for note in result.notes)
