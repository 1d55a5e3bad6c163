"""Which ids a mask holds: groups, untrained rows, ids in use left out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from transformers import AutoTokenizer

import rowscope
from rowscope.inspector.errors import CheckpointError, NoMatrixError, RefusedError, UsageError
from rowscope.inspector.mask import mask
from rowscope.inspector.render.mask.text import render_mask_text

DEMO = Path(rowscope.__file__).parent / "demo"
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
TOKENS = {"<unk>": 0, "a": 1, "[unused1]": 2, "[unused2]": 3, "<|end|>": 4, "b": 5}
CONFIG = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 12}


def matrix(rows=12, width=8, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, width)).astype("f4")


def test_reserved_ids_are_those_that_the_tokenizer_does_not_use():
    found = mask("demo")
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    named = {id for token, id in tokenizer.get_vocab().items() if token.startswith("<|reserved_")}
    assert set(found.ids.tolist()) == named | set(range(len(tokenizer), 4096))
    assert_array_equal(found.ids, rowscope.reserved_ids("demo"))
    assert found.rows == 4096
    assert found.include == ("reserved",)
    assert {name: group.count for name, group in found.groups.items()} == {"unmapped": 80, "placeholder": 8}
    assert found.flags.sum() == len(found) == 88
    assert found.ids.dtype == np.int64


def test_unmapped_ids_alone():
    found = mask("demo", "unmapped")
    assert found.ranges == ((4016, 4096),)
    assert found.left_out == ()


def test_untrained_rows_agree_with_what_training_recorded():
    counts = json.loads((Path(__file__).parents[2] / "examples/tiny_qwen2/training_counts.json").read_text())
    inputs, targets = np.array(counts["input_counts"]), np.array(counts["target_counts"])
    found = mask("demo", "untrained")
    assert set(np.flatnonzero(inputs + targets == 0)) <= set(found.ids.tolist())
    assert targets[found.ids].max() < 20  # of 5.7 million
    assert not set(found.ids.tolist()) & {4000, 4001, 4002}  # the trained special tokens


def test_several_kinds_are_joined():
    joined = mask("demo", "unmapped, untrained")
    assert set(joined.ids.tolist()) == {
        *mask("demo", "unmapped").ids.tolist(),
        *mask("demo", "untrained").ids.tolist(),
    }
    assert joined.include == ("unmapped", "untrained")


def test_progress_counts_rows():
    seen = []
    mask("demo", "untrained", progress=seen.append)
    assert sum(seen) >= 4096


@pytest.mark.parametrize("role", ["eos_token_id", "bos_token_id", "forced_eos_token_id"])
@pytest.mark.parametrize("file", ["config.json", "generation_config.json"])
def test_ids_in_use_are_left_out(tmp_path, write_checkpoint, role, file):
    folder = write_checkpoint(tmp_path / "model", {EMBEDDING: matrix()}, CONFIG, TOKENS)
    (folder / file).write_text(json.dumps({**CONFIG, role: [3, 9] if role == "eos_token_id" else 9}))
    found = mask(folder)
    left = {item.id for item in found.left_out}
    assert left == ({3, 9} if role == "eos_token_id" else {9})
    assert set(found.ids.tolist()) == {2, 3, *range(6, 12)} - left
    assert any("in use" in note for note in found.notes)


def test_padding_may_be_masked_and_chat_template_tokens_may_not(tmp_path, write_checkpoint):
    config = {**CONFIG, "pad_token_id": 2}
    folder = write_checkpoint(tmp_path / "model", {EMBEDDING: matrix()}, config, TOKENS, ("[unused2]",))
    (folder / "chat_template.jinja").write_text("{{ '[unused2]' }}{{ messages[0]['content'] }}")
    found = mask(folder)
    assert 2 in found.ids
    assert [item.id for item in found.left_out] == [3]
    assert found.left_out[0].token == "[unused2]"


def test_an_untrained_stop_token_is_never_masked(tmp_path):
    folder = tmp_path / "demo"
    shutil.copytree(DEMO, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "eos_token_id": 4003}))
    found = mask(folder, "untrained")
    assert 4003 not in found.ids
    assert 4004 in found.ids
    assert [item.id for item in found.left_out] == [4003]


def test_the_logits_decide_how_many_ids_there_are(tmp_path, write_checkpoint):
    config = {**CONFIG, "tie_word_embeddings": False}
    tensors = {EMBEDDING: matrix(16), HEAD: matrix(12, seed=1)}
    found = mask(write_checkpoint(tmp_path / "model", tensors, config, TOKENS))
    assert found.rows == 12
    assert found.ids.max() == 11


def test_without_an_output_matrix_a_note_says_so(tmp_path, write_checkpoint):
    encoder = {"architectures": ["Qwen2Model"], "model_type": "qwen2"}
    found = mask(write_checkpoint(tmp_path / "model", {"embed_tokens.weight": matrix()}, encoder, TOKENS))
    assert any("nothing is sampled" in note for note in found.notes)
    silent = {"model_type": "qwen2"}
    found = mask(write_checkpoint(tmp_path / "other", {"embed_tokens.weight": matrix()}, silent, TOKENS))
    assert found.rows == 12


def test_no_tokenizer_means_no_reserved_ids(tmp_path, write_checkpoint):
    folder = write_checkpoint(tmp_path / "model", {EMBEDDING: matrix()}, CONFIG)
    with pytest.raises(CheckpointError, match=r"put tokenizer.json beside"):
        mask(folder)
    values = matrix(400)
    values[7] = 0
    folder = write_checkpoint(tmp_path / "zero", {EMBEDDING: values}, CONFIG)
    found = mask(folder, "untrained")
    assert found.ids.tolist() == [7]
    assert any("no tokenizer files" in note for note in found.notes)


def test_a_mask_of_nearly_everything_is_refused(tmp_path, write_checkpoint):
    folder = write_checkpoint(tmp_path / "model", {EMBEDDING: np.zeros((12, 8), "f4")}, CONFIG, TOKENS)
    with pytest.raises(RefusedError, match="look untrained"):
        mask(folder, "untrained")


def test_wrong_words_and_paths(tmp_path, write_checkpoint):
    with pytest.raises(UsageError, match="'unused'"):
        mask("demo", "unused")
    with pytest.raises(UsageError, match="--include"):
        mask("demo", "")
    with pytest.raises(NoMatrixError):
        mask(write_checkpoint(tmp_path / "model", {"conv.weight": matrix()}, CONFIG, TOKENS))


def test_json_and_text(tmp_path, write_checkpoint):
    folder = write_checkpoint(
        tmp_path / "model\x1b[31m", {EMBEDDING: matrix()}, {**CONFIG, "eos_token_id": 2}, TOKENS
    )
    found = mask(folder)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["schema_version"] == "1"
    assert document["ids"] == [3, *range(6, 12)]
    assert document["ranges"] == [[3, 4], [6, 12]]
    assert document["count"] == 7
    assert document["groups"]["placeholder"] == {"count": 1, "ranges": [[3, 4]]}
    assert document["left_out"] == [{"id": 2, "token": "[unused1]", "text": "[unused1]", "roles": ["eos"]}]
    text = render_mask_text(found, width=60)
    assert "7 of 12 ids must never be sampled" in text
    assert "\x1b" not in text
    assert "[6, 12)" in text
    assert "left out" in text
