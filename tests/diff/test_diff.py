"""Two checkpoints compared: roles, groups, new, special and reserved tokens, tokenizers, expectations."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

import rowscope
from rowscope.inspector.diff import diff
from rowscope.inspector.errors import CheckpointError, NoMatrixError, UndecodableError, UsageError

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
DEMO = Path(rowscope.__file__).parent / "demo"
CONFIG = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}


def matrix(seed=0, rows=32, width=16):
    return np.random.default_rng(seed).normal(size=(rows, width)).astype("f4")


@pytest.fixture
def demo_copy(tmp_path):
    """A copy of the demo checkpoint whose embedding a function may change."""

    def copy(change, name="tuned"):
        folder = tmp_path / name
        shutil.copytree(DEMO, folder)
        tensors = load_file(folder / "model.safetensors")
        tensors[EMBEDDING] = change(tensors[EMBEDDING].float()).bfloat16()
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    return copy


def test_a_checkpoint_equals_itself():
    result = diff("demo", "demo", expect_unchanged="0:")
    assert result.exit_code == 0
    (only,) = result.matrices
    assert only.role == "both"
    assert only.table.identical.all()
    assert only.total.identical == only.total.rows == 4096
    assert result.tokenizer is not None
    assert result.tokenizer.same
    assert result.findings == ()


def test_numbers_are_those_of_the_loaded_models(demo_copy):
    def change(rows):
        rows[:1000] += 0.01 * torch.randn(1000, rows.shape[1], generator=torch.Generator().manual_seed(0))
        return rows

    folder = demo_copy(change)
    result = diff("demo", folder)
    base, tuned = (
        AutoModelForCausalLM.from_pretrained(path).get_input_embeddings().weight.detach().double()
        for path in (DEMO, folder)
    )
    table = result.matrices[0].table
    assert_allclose(table.distance, (tuned - base).norm(dim=1), rtol=1e-10)
    assert_allclose(table.cosine, torch.nn.functional.cosine_similarity(base, tuned), rtol=1e-10)
    assert_array_equal(table.identical, (base == tuned).all(dim=1))
    group = result.matrices[0].groups_tuned["base"]
    expected = (tuned - base).norm(dim=1)[:4000]
    assert group.rows == 4000
    assert group.changed == int((expected > 0).sum())
    assert_allclose(group.distance_max, expected.max(), rtol=1e-10)
    assert_allclose(group.distance_mean, expected.mean(), rtol=1e-10)
    assert_allclose(group.distance_median, expected.quantile(0.5), rtol=1e-10)


def test_new_tokens_are_measured_against_rows_that_nobody_uses(demo_copy):
    random = torch.Generator().manual_seed(1)

    def change(rows):
        rows[:4000] += 0.02 * torch.randn(4000, 128, generator=random)
        rows[4008:] += 0.01 * torch.randn(128, generator=random)  # decay: one shift for all
        rows[4016] += 0.2 * torch.randn(128, generator=random)
        return rows

    folder = demo_copy(change)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<NUM>", "<CALL>"], special_tokens=True)
    tokenizer.save_pretrained(folder)
    result = diff("demo", folder)
    (only,) = result.matrices
    assert {row.token: row.movement for row in only.new_tokens} == {"<NUM>": "moved", "<CALL>": "drifted"}
    assert [row.base_token for row in only.new_tokens] == [None, None]
    assert {row.id for row in only.drifted_reserved} == {*range(4008, 4016), *range(4018, 4096)}
    assert all(row.movement == "drifted" for row in only.drifted_reserved)
    distances = [row.distance for row in only.drifted_reserved]
    assert distances == sorted(distances, reverse=True)
    still = {row.token: row.movement for row in only.still_specials}
    assert still["<|im_end|>"] == "unmoved"
    assert still["<CALL>"] == "drifted"
    assert "<NUM>" not in still
    assert not any("reserved" in token for token in still)
    assert only.background.rows == 8 + 78
    assert only.background.median < only.background.limit
    assert any("1 moved, 1 only drifted" in text for text in result.summary)
    assert [(item.id, item.token) for item in result.tokenizer.added] == [(4016, "<NUM>"), (4017, "<CALL>")]


def test_a_grown_matrix_lists_its_new_rows_and_tokens_without_rows(demo_copy):
    folder = demo_copy(lambda rows: torch.cat([rows, torch.ones(64, 128)]))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<new_{n}>" for n in range(200)])
    tokenizer.save_pretrained(folder)
    (only,) = diff("demo", folder).matrices
    assert only.only_in_tuned == (4096, 4160)
    assert only.only_in_base is None
    assert only.total.rows == 4096
    by_id = {row.id: row.movement for row in only.new_tokens}
    assert by_id[4016] == "unmoved"
    assert by_id[4096] == by_id[4159] == "new-row"
    assert by_id[4160] == by_id[4215] == "no-row"
    back = diff(folder, "demo").matrices[0]
    assert back.only_in_base == (4096, 4160)
    assert back.new_tokens == ()


def test_rounding_to_another_dtype_is_no_change(tmp_path, write_checkpoint):
    exact = matrix().astype("f4")
    exact[3] = exact[3].round()
    half = torch.from_numpy(exact).bfloat16()
    half[5] = half[5] * 2
    base = write_checkpoint(tmp_path / "base", {EMBEDDING: exact}, CONFIG)
    (tmp_path / "tuned").mkdir()
    save_file({EMBEDDING: half}, tmp_path / "tuned" / "model.safetensors")
    for result in (
        diff(base, tmp_path / "tuned", expect_unchanged="0:5"),
        diff(tmp_path / "tuned", base, expect_unchanged="0:5"),
    ):
        table = result.matrices[0].table
        assert_array_equal(np.flatnonzero(table.identical), [3])
        assert_array_equal(np.flatnonzero(table.changed), [5])
        assert result.matrices[0].total.identical_after_rounding == 30
        assert result.exit_code == 0
        assert any("differ only by rounding" in text for text in result.summary)


def test_rows_that_changed_against_expectation_are_a_finding(tmp_path, write_checkpoint):
    base = write_checkpoint(tmp_path / "base", {EMBEDDING: matrix()}, CONFIG)
    changed = matrix()
    changed[[2, 20]] += 1
    tuned = write_checkpoint(tmp_path / "tuned", {EMBEDDING: changed}, CONFIG)
    assert diff(base, tuned).findings == ()
    assert diff(base, tuned, expect_unchanged="3:20").exit_code == 0
    result = diff(base, tuned, expect_unchanged="0:10,20")
    assert result.exit_code == 1
    (finding,) = result.findings
    assert finding.code == "DIF501"
    assert finding.evidence["ids"] == [2, 20]
    assert_allclose(finding.evidence["largest_distance"], 4.0, rtol=1e-6)  # sixteen elements, each by 1
    assert result.expected_unchanged == ((0, 10), (20, 21))
    with pytest.raises(UsageError, match="--expect-unchanged"):
        diff(base, tuned, expect_unchanged="0:33")
    with pytest.raises(UsageError, match="neither an id nor a range"):
        diff(base, tuned, expect_unchanged="ten")


def test_rows_that_are_gone_violate_the_expectation(tmp_path, write_checkpoint):
    base = write_checkpoint(tmp_path / "base", {EMBEDDING: matrix()}, CONFIG)
    tuned = write_checkpoint(tmp_path / "tuned", {EMBEDDING: matrix()[:30]}, CONFIG)
    assert diff(base, tuned, expect_unchanged="0:30").exit_code == 0
    (finding,) = diff(base, tuned, expect_unchanged="0:").findings
    assert finding.evidence["missing"] == 2
    assert finding.evidence["ids"] == [30, 31]


def test_tied_and_untied_are_compared_role_by_role(tmp_path):
    config = Qwen2Config(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    tied = Qwen2ForCausalLM(config)
    tied.save_pretrained(tmp_path / "tied")
    config.tie_word_embeddings = False
    untied = Qwen2ForCausalLM(config)
    with torch.no_grad():
        untied.model.embed_tokens.weight.copy_(tied.model.embed_tokens.weight)
        untied.lm_head.weight.copy_(tied.model.embed_tokens.weight)
        untied.lm_head.weight[7] += 1
    untied.save_pretrained(tmp_path / "untied")
    result = diff(tmp_path / "tied", tmp_path / "untied")
    assert [item.role for item in result.matrices] == ["input", "output"]
    source, target = result.matrices
    assert source.table.identical.all()
    assert_array_equal(np.flatnonzero(target.table.changed), [7])
    assert target.base.tensor == EMBEDDING
    assert target.tuned.tensor == HEAD
    assert any("single matrix" in note for note in result.notes)
    both = diff(tmp_path / "untied", tmp_path / "untied")
    assert [item.role for item in both.matrices] == ["input", "output"]


def test_a_missing_role_is_noted(tmp_path, write_checkpoint):
    base = write_checkpoint(
        tmp_path / "base",
        {EMBEDDING: matrix(), HEAD: matrix(1)},
        {**CONFIG, "tie_word_embeddings": False},
    )
    encoder = {"architectures": ["Qwen2Model"], "model_type": "qwen2"}
    tuned = write_checkpoint(tmp_path / "tuned", {"embed_tokens.weight": matrix()}, encoder)
    result = diff(base, tuned)
    assert [item.role for item in result.matrices] == ["input"]
    assert any("stores no output matrix" in note for note in result.notes)


def test_what_cannot_be_compared_is_refused(tmp_path, write_checkpoint):
    base = write_checkpoint(tmp_path / "base", {EMBEDDING: matrix()}, CONFIG)
    wide = write_checkpoint(tmp_path / "wide", {EMBEDDING: matrix(width=8)}, CONFIG)
    other = write_checkpoint(tmp_path / "other", {"conv.weight": matrix()}, CONFIG)
    packed = write_checkpoint(
        tmp_path / "packed",
        {EMBEDDING: np.zeros((32, 4), "u4"), EMBEDDING.replace("weight", "scales"): matrix()},
        CONFIG,
    )
    with pytest.raises(CheckpointError, match=r"hidden sizes differ.*16 elements.*8; compare"):
        diff(base, wide)
    with pytest.raises(NoMatrixError):
        diff(base, other)
    with pytest.raises(UndecodableError, match="packed"):
        diff(base, packed)


def test_nan_rows_are_counted_and_left_out_of_the_distances(tmp_path, write_checkpoint):
    values = matrix()
    values[4, 2] = np.nan
    base = write_checkpoint(tmp_path / "base", {EMBEDDING: values}, CONFIG)
    values[4, 3] = 1
    values[6, 0] = np.inf
    values[8] += 2
    tuned = write_checkpoint(tmp_path / "tuned", {EMBEDDING: values}, CONFIG)
    result = diff(base, tuned, expect_unchanged="0:8")
    total = result.matrices[0].total
    assert (total.nonfinite, total.changed, total.identical) == (2, 3, 29)
    assert_allclose(total.distance_max, 8.0, rtol=1e-6)
    assert result.findings[0].evidence["ids"] == [4, 6]
    document = result.to_dict()
    assert document["findings"][0]["evidence"]["largest_distance"] is None
    json.dumps(document, allow_nan=False)


TOKENS = {"<unk>": 0, "a": 1, "b": 2, "c": 3, "[unused1]": 4, "[unused2]": 5, "</s>": 6}


def tokenizer_pair(tmp_path, write_checkpoint, tokens, added=("</s>",)):
    base = write_checkpoint(tmp_path / "b", {EMBEDDING: matrix()}, CONFIG, TOKENS, ("</s>",))
    tuned = write_checkpoint(tmp_path / "t", {EMBEDDING: matrix()}, CONFIG, tokens, added)
    return diff(base, tuned)


def test_tokenizer_differences_are_told_apart(tmp_path, write_checkpoint):
    tokens = {"<unk>": 0, "a": 1, "c": 2, "b": 3, "<NUM>": 4, "[unused2]": 5, "</s>": 6, "d": 7}
    found = tokenizer_pair(tmp_path, write_checkpoint, tokens, ("</s>", "[unused2]")).tokenizer
    assert not found.same
    assert [(item.id, item.token) for item in found.added] == [(7, "d")]
    assert found.removed == ()
    assert [(item.id, item.base, item.tuned) for item in found.renamed] == [
        (2, "b", "c"),
        (3, "c", "b"),
        (4, "[unused1]", "<NUM>"),
    ]
    assert [(item.token, item.base, item.tuned) for item in found.moved] == [("b", 2, 3), ("c", 3, 2)]
    assert [item.token for item in found.specials_gained] == ["[unused2]"]
    assert found.specials_lost == ()


def test_new_tokens_are_new_by_name_not_by_id(tmp_path, write_checkpoint):
    tokens = {"<unk>": 0, "a": 1, "c": 2, "b": 3, "<NUM>": 4, "[unused2]": 5, "</s>": 6}
    (only,) = tokenizer_pair(tmp_path, write_checkpoint, tokens).matrices
    assert [(row.id, row.token, row.base_token) for row in only.new_tokens] == [(4, "<NUM>", "[unused1]")]
    assert only.groups_base["placeholder"].rows == 2
    assert only.groups_tuned["placeholder"].rows == 1


def test_without_tokenizer_files_rows_are_still_compared(tmp_path, write_checkpoint):
    base = write_checkpoint(tmp_path / "base", {EMBEDDING: matrix()}, CONFIG)
    (tmp_path / "bad").mkdir()
    bad = write_checkpoint(tmp_path / "bad", {EMBEDDING: matrix()}, CONFIG)
    (bad / "tokenizer.json").write_text("{")
    result = diff(base, bad)
    assert result.tokenizer is None
    assert result.matrices[0].table.identical.all()
    assert [note.split(":")[0].split(" in ")[0] for note in result.notes] == [
        "no tokenizer files",
        "the tokenizer",
    ]
