"""The mask in generation_config.json: transformers obeys it, all else stays, nothing is half written."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BartConfig,
    BartForConditionalGeneration,
    GenerationConfig,
)

import rowscope
from rowscope.inspector.errors import MalformedFileError, RefusedError, UsageError
from rowscope.inspector.mask import apply_mask, mask, plan_mask
from rowscope.inspector.mask.generation_config import GENERATION_KEYS, create, merge

DEMO = Path(rowscope.__file__).parent / "demo"
NAME = "generation_config.json"
PRIVATE = {"suppress_tokens", "_from_model_config", "transformers_version", "_original_object_hash"}


@pytest.fixture
def demo(tmp_path):
    folder = tmp_path / "demo"
    shutil.copytree(DEMO, folder)
    return folder


def settings(folder, kind=AutoModelForCausalLM):
    """What `generate` would use, as the library settles it."""
    model = kind.from_pretrained(folder)
    config, _ = model._prepare_generation_config(None)
    return {key: value for key, value in config.to_dict().items() if key not in PRIVATE}


def test_generate_never_yields_a_masked_id(demo):
    found = mask(demo, "reserved,untrained")
    assert "added 270 ids" in apply_mask(demo, found)
    assert GenerationConfig.from_pretrained(demo).suppress_tokens == found.ids.tolist()
    model = AutoModelForCausalLM.from_pretrained(demo)
    # Training pushed these rows away from every text: turned round they win nearly always.
    with torch.no_grad():
        model.get_input_embeddings().weight[torch.from_numpy(found.ids)] *= -50
    prompt = AutoTokenizer.from_pretrained(demo)("def read(", return_tensors="pt").input_ids
    torch.manual_seed(0)
    sampling = {"do_sample": True, "temperature": 5.0, "top_k": 0, "max_new_tokens": 40}
    output = model.generate(prompt.repeat(4, 1), **sampling)[:, prompt.shape[1] :]
    assert not set(output.flatten().tolist()) & set(found.ids.tolist())
    model.generation_config.suppress_tokens = None
    output = model.generate(prompt.repeat(4, 1), **sampling)[:, prompt.shape[1] :]
    assert set(output.flatten().tolist()) & set(found.ids.tolist())


def test_the_rest_of_the_file_stays_byte_for_byte(demo):
    before = (demo / NAME).read_bytes()
    kept = settings(demo)
    apply_mask(demo, mask(demo))
    after = (demo / NAME).read_text()
    content = json.loads(after)
    assert content.pop("suppress_tokens") == mask(demo).ids.tolist()
    assert content == json.loads(before)
    lines = [line for line in after.splitlines() if not line.startswith("    40") or "," not in line]
    assert '  "pad_token_id": 4000,' in lines
    assert list(json.loads(after)) == sorted(json.loads(after))
    assert after.endswith("}\n")
    assert settings(demo) == kept


def test_applying_twice_writes_once(demo):
    apply_mask(demo, mask(demo))
    inode = (demo / NAME).stat().st_ino
    assert "nothing was written" in apply_mask(demo, mask(demo))
    assert (demo / NAME).stat().st_ino == inode
    apply_mask(demo, mask(demo, "untrained"))
    assert set(json.loads((demo / NAME).read_text())["suppress_tokens"]) == {
        *mask(demo).ids.tolist(),
        *mask(demo, "untrained").ids.tolist(),
    }


def test_a_new_file_changes_nothing_else(demo):
    (demo / NAME).unlink()
    before = settings(demo)
    sentence = apply_mask(demo, mask(demo))
    assert "created" in sentence
    assert "eos_token_id" in sentence
    assert settings(demo) == before
    assert before["eos_token_id"] == 4002
    assert json.loads((demo / NAME).read_text())["suppress_tokens"] == mask(demo).ids.tolist()


def test_a_new_file_takes_over_everything_that_generate_reads(tmp_path):
    model = BartForConditionalGeneration(
        BartConfig(
            vocab_size=64, d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16,
            decoder_ffn_dim=16, encoder_attention_heads=2, decoder_attention_heads=2,
        )
    )  # fmt: skip
    model.save_pretrained(tmp_path)
    (tmp_path / NAME).unlink()
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {
        "num_beams": 3,
        "early_stopping": True,
        "no_repeat_ngram_size": 3,
        "forced_eos_token_id": 2,
        "decoder_start_token_id": 2,
        "max_length": 42,
        "suppress_tokens": [7, 9],
        "output_scores": True,
        "length_penalty": 2.0,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    tokens = {f"t{n}": n for n in range(60)}
    vocabulary = {"version": "1.0", "added_tokens": [], "model": {"type": "WordLevel", "vocab": tokens}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(vocabulary))
    # Else Bart's own class would add the special tokens that it assumes.
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    before = settings(tmp_path, AutoModelForSeq2SeqLM)
    found = mask(tmp_path)
    assert found.ids.tolist() == [60, 61, 62, 63]
    apply_mask(tmp_path, found)
    assert settings(tmp_path, AutoModelForSeq2SeqLM) == before
    assert before["num_beams"] == 3
    assert before["length_penalty"] == 2.0
    assert GenerationConfig.from_pretrained(tmp_path).suppress_tokens == [7, 9, 60, 61, 62, 63]


@pytest.mark.parametrize(
    "config",
    [
        {"eos_token_id": [1, 2], "bos_token_id": None, "temperature": 0.5},
        {"text_config": {"eos_token_id": 3, "temperature": 0.7}, "temperature": 0.5},
        {"decoder": {"eos_token_id": 3}, "text_config": {"eos_token_id": 4}, "pad_token_id": 0},
        {"decoder": {}, "generator": {"num_beams": 2}, "eos_token_id": 5},
        {"output_attentions": True, "use_cache": False, "hidden_size": 4},
        {"force_bos_token_to_be_generated": True, "bos_token_id": 8},
        {},
    ],
)
def test_what_is_carried_over_is_what_the_library_derives(tmp_path, config):
    (tmp_path / "config.json").write_text(json.dumps(config))
    derived = GenerationConfig.from_pretrained(
        tmp_path, config_file_name="config.json", _from_model_config=True
    )
    (tmp_path / NAME).write_text(create(config, [6]))
    written = GenerationConfig.from_pretrained(tmp_path)
    assert written.suppress_tokens == [6]
    known, ours = (
        {key: value for key, value in item.to_dict().items() if key not in PRIVATE}
        for item in (derived, written)
    )
    assert ours == known


def test_the_settings_known_here_are_those_of_the_library():
    known = {key for key in vars(GenerationConfig()) if not key.startswith("_")} - {"transformers_version"}
    assert known <= GENERATION_KEYS


def test_a_flag_that_would_undo_the_mask_is_taken_back(demo):
    (demo / NAME).write_text('{"_from_model_config": true, "eos_token_id": 4002}')
    apply_mask(demo, mask(demo, "unmapped"))
    content = json.loads((demo / NAME).read_text())
    assert content["_from_model_config"] is False
    assert content["eos_token_id"] == 4002


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", '{\n  "suppress_tokens": [\n    3,\n    5\n  ]\n}'),
        ('{"a": 1}', '{"a": 1, "suppress_tokens": [3, 5]}'),
        ('{"a":1,"z":2}', '{"a":1,"suppress_tokens":[3, 5],"z":2}'),
        ('{"z": 1, "a": 2}\n', '{"z": 1, "a": 2, "suppress_tokens": [3, 5]}\n'),
        ('{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"suppress_tokens": [\n\t\t3,\n\t\t5\n\t]\n}'),
        ('{"suppress_tokens": null, "t": 0.70}', '{"suppress_tokens": [3, 5], "t": 0.70}'),
        ('{"suppress_tokens": [9, 5]}', '{"suppress_tokens": [3, 5, 9]}'),
    ],
)
def test_the_layout_of_the_file_is_kept(text, expected):
    assert merge(text, [5, 3]) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=8).filter(lambda key: not key.startswith("_")), JSON, max_size=6),
    st.sampled_from([None, 0, 2, "\t"]),
    st.booleans(),
    st.sets(st.integers(0, 99), max_size=5),
    st.none() | st.lists(st.integers(0, 99), max_size=4),
    st.sampled_from(["\n", "\r\n"]),
)
def test_merging_keeps_every_other_member(content, indent, ascii_only, ids, present, newline):
    content.pop("suppress_tokens", None)
    if present is not None:
        content["suppress_tokens"] = present
    text = json.dumps(content, indent=indent, ensure_ascii=ascii_only).replace("\n", newline)
    merged = json.loads(merge(text, ids))
    assert merged.pop("suppress_tokens") == sorted({*ids, *(present or [])})
    content.pop("suppress_tokens", None)
    assert merged == content


@pytest.mark.parametrize("present", ["5", '"5"', "[true]", '["5"]', "{}"])
def test_a_list_that_is_none_is_refused(demo, present):
    text = f'{{"suppress_tokens": {present}}}'
    (demo / NAME).write_text(text)
    with pytest.raises(RefusedError, match="not a list of ids"):
        apply_mask(demo, mask(demo))
    assert (demo / NAME).read_text() == text


@pytest.mark.parametrize("text", ["", "{", "[1]", "nothing"])
def test_a_broken_file_is_refused(demo, text):
    (demo / NAME).write_text(text)
    with pytest.raises(MalformedFileError):
        apply_mask(demo, mask(demo))
    assert (demo / NAME).read_text() == text


def test_a_config_that_cannot_be_read_cannot_be_carried_over(demo):
    (demo / NAME).unlink()
    found = mask(demo)
    (demo / "config.json").write_text("{")
    with pytest.raises(RefusedError, match=r"config.json, which cannot be read"):
        apply_mask(demo, found)
    assert not (demo / NAME).exists()


def test_a_mask_of_another_checkpoint_is_refused(demo, tmp_path, write_checkpoint):
    import numpy as np

    tensors = {"model.embed_tokens.weight": np.zeros((8, 4), "f4")}
    other = write_checkpoint(tmp_path / "other", tensors, {"model_type": "qwen2"}, {"a": 0})
    with pytest.raises(UsageError, match="8 rows"):
        apply_mask(demo, mask(other))


def cached(tmp_path, demo, files=()):
    """The demo as the Hugging Face cache lays it out; `files` are plain instead of links."""
    root = tmp_path / "hub" / "models--org--demo"
    snapshot = root / "snapshots" / "abc"
    (root / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for path in demo.iterdir():
        blob = root / "blobs" / f"blob-{path.name}"
        shutil.copy(path, blob)
        (snapshot / path.name).symlink_to(os.path.relpath(blob, snapshot))
    return snapshot


@pytest.mark.parametrize("present", [True, False])
def test_the_cache_is_never_written_to(tmp_path, demo, present):
    snapshot = cached(tmp_path, demo)
    if not present:
        (snapshot / NAME).unlink()
    before = {path: path.read_bytes() for path in (tmp_path / "hub").rglob("*") if path.is_file()}
    with pytest.raises(RefusedError, match="copy the checkpoint first"):
        apply_mask(snapshot, mask(snapshot))
    assert before == {path: path.read_bytes() for path in (tmp_path / "hub").rglob("*") if path.is_file()}


def test_links_into_the_cache_are_recognised_from_elsewhere(tmp_path, demo):
    snapshot = cached(tmp_path, demo)
    elsewhere = tmp_path / "mine"
    shutil.copytree(snapshot, elsewhere, symlinks=False)
    (elsewhere / NAME).unlink()
    (elsewhere / "config.json").unlink()
    (elsewhere / "config.json").symlink_to((snapshot / "config.json").resolve())
    with pytest.raises(RefusedError, match="cache"):
        apply_mask(elsewhere, mask(elsewhere))


def test_a_link_is_not_replaced(tmp_path, demo):
    shared = tmp_path / "shared.json"
    shutil.move(demo / NAME, shared)
    (demo / NAME).symlink_to(shared)
    with pytest.raises(RefusedError, match=r"is a link to .*shared.json"):
        apply_mask(demo, mask(demo))


def test_the_demo_inside_the_package_is_left_alone():
    before = (DEMO / NAME).read_bytes()
    with pytest.raises(RefusedError, match="part of rowscope"):
        apply_mask("demo", mask("demo"))
    assert (DEMO / NAME).read_bytes() == before


def test_other_names_of_the_file_keep_the_old_content(tmp_path, demo):
    """A hard link is another name for the same bytes: renaming over one name leaves the other alone."""
    os.link(demo / NAME, tmp_path / "other.json")
    before = (demo / NAME).read_bytes()
    apply_mask(demo, mask(demo))
    assert (tmp_path / "other.json").read_bytes() == before


def test_permissions_are_kept(demo):
    (demo / NAME).chmod(0o640)
    apply_mask(demo, mask(demo))
    assert (demo / NAME).stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_a_failure_while_writing_leaves_the_old_file(demo, monkeypatch, call):
    before = (demo / NAME).read_bytes()
    found = mask(demo)

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    plan = plan_mask(demo, found)
    assert plan.added == 88
    with monkeypatch.context() as patched:
        patched.setattr("rowscope.inspector.mask.apply.plan_mask", lambda *a: plan)
        patched.setattr(os, call, fail)
        with pytest.raises(RefusedError, match="No space left on device"):
            apply_mask(demo, found)
    assert (demo / NAME).read_bytes() == before
    assert not [path for path in demo.iterdir() if path.name.endswith(".tmp")]


def test_an_interrupt_while_writing_leaves_the_old_file(demo, monkeypatch):
    before = (demo / NAME).read_bytes()

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        apply_mask(demo, mask(demo))
    assert (demo / NAME).read_bytes() == before
    assert not [path for path in demo.iterdir() if path.name.endswith(".tmp")]
