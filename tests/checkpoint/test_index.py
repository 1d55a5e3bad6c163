"""Index against shards, both ways: unsafe names, missing shards, tensors elsewhere, sizes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from rowscope.inspector.checkpoint import Checkpoint, diagnose, open_checkpoint
from rowscope.inspector.errors import (
    CheckpointError,
    IndexMismatchError,
    MalformedFileError,
    MissingShardError,
    UnsafeShardError,
)

from ..writing import EMBED, FIRST, NORM, SECOND, write, write_index


def kinds(checkpoint: Checkpoint) -> list[str]:
    assert all(problem.code == "FIL002" and problem.hint for problem in checkpoint.problems)
    return [problem.evidence["kind"] for problem in checkpoint.problems]


@pytest.mark.parametrize(
    "name",
    ["../x.safetensors", "a/../../x.safetensors", "/etc/passwd", "..", "C:x.safetensors", "c:/x", "..\\x",
     "a\\b", "a\0b", "", "a\nb", "a\x1bb", "\u202ex"],
)  # fmt: skip
def test_unsafe_shard_names_are_refused(name, sharded):
    write_index(sharded, {"model.embed_tokens.weight": FIRST, "model.norm.weight": name})
    with pytest.raises(UnsafeShardError) as caught:
        open_checkpoint(sharded)
    assert caught.value.code == "FIL004"
    assert "\x1b" not in caught.value.message


def test_unsafe_name_is_refused_although_the_file_is_there(sharded):
    inner = sharded / "inner"
    write_index(inner, {"model.embed_tokens.weight": f"../{FIRST}"})
    with pytest.raises(UnsafeShardError, match="climbs"):
        open_checkpoint(inner)


def test_missing_shards_are_all_named(sharded):
    (sharded / FIRST).unlink()
    (sharded / SECOND).unlink()
    with pytest.raises(MissingShardError) as caught:
        open_checkpoint(sharded)
    assert caught.value.code == "FIL003"
    assert "2 of 2" in caught.value.message
    assert FIRST in caught.value.message
    assert SECOND in caught.value.message
    assert [fault.rule for fault in diagnose(sharded)] == ["missing-shard", "missing-shard"]


def test_dangling_link_is_a_missing_shard(sharded):
    (sharded / FIRST).unlink()
    (sharded / FIRST).symlink_to("nowhere")
    with pytest.raises(MissingShardError, match="1 of 2"):
        open_checkpoint(sharded)


def test_missing_member_of_a_set(sharded):
    (sharded / "model.safetensors.index.json").unlink()
    (sharded / FIRST).unlink()
    with pytest.raises(MissingShardError, match=FIRST):
        open_checkpoint(sharded)


@pytest.mark.parametrize("shard", [FIRST, SECOND])
def test_indexed_tensor_that_its_shard_lacks(shard, sharded):
    weight_map = {"model.embed_tokens.weight": FIRST, "model.norm.weight": SECOND, "lm_head.weight": shard}
    write_index(sharded, weight_map)
    checkpoint = open_checkpoint(sharded)
    assert kinds(checkpoint) == ["absent_tensors"]
    with pytest.raises(IndexMismatchError, match="lm_head") as caught:
        _ = checkpoint.layout
    assert caught.value.code == "FIL002"
    (fault,) = diagnose(sharded)
    assert (fault.rule, fault.tensor) == ("index", "lm_head.weight")


def test_tensor_in_the_wrong_shard_says_where_it_is(sharded):
    write_index(sharded, {"model.embed_tokens.weight": SECOND, "model.norm.weight": SECOND})
    write(sharded, FIRST, EMBED)
    write_index(sharded, {"model.embed_tokens.weight": SECOND, "model.norm.weight": FIRST})
    (problem,) = (found for found in open_checkpoint(sharded).problems if found.code == "FIL002")
    assert re.search(f"2 tensors.*it is in '{FIRST}'", problem.message)


def test_tensor_that_the_index_does_not_name(sharded):
    write(sharded, SECOND, NORM | {"extra": np.zeros(1, np.float32)})
    checkpoint = open_checkpoint(sharded)
    assert kinds(checkpoint) == ["unindexed_tensors"]
    assert checkpoint.problems[0].evidence["tensors"] == ["extra"]
    assert "extra" in checkpoint.tensors


def test_shard_beside_the_index(sharded):
    write(sharded, "model-00003-of-00003.safetensors", {"late": np.zeros(1, np.float32)})
    checkpoint = open_checkpoint(sharded)
    assert kinds(checkpoint) == ["extra_files"]
    assert "late" not in checkpoint.tensors


@pytest.mark.parametrize(
    ("stated", "expected"), [(144, []), (144.0, []), (143, ["total_size"]), (0, ["total_size"])]
)
def test_total_size(stated, expected, sharded):
    weight_map = {"model.embed_tokens.weight": FIRST, "model.norm.weight": SECOND}
    write_index(sharded, weight_map, metadata={"total_size": stated})
    assert kinds(open_checkpoint(sharded)) == expected


@pytest.mark.parametrize(
    "metadata", [None, [], {}, {"total_size": None}, {"total_size": "144"}, {"total_size": True}]
)
def test_index_without_a_usable_total_size(metadata, sharded):
    weight_map = {"model.embed_tokens.weight": FIRST, "model.norm.weight": SECOND}
    write_index(sharded, weight_map, metadata=metadata)
    checkpoint = open_checkpoint(sharded)
    assert checkpoint.index is not None
    assert checkpoint.index.total_size is None
    assert not checkpoint.problems


def test_tensor_stored_twice_is_taken_from_where_the_index_says(sharded):
    write(sharded, SECOND, NORM | EMBED)
    checkpoint = open_checkpoint(sharded)
    assert kinds(checkpoint) == ["repeated_tensors"]
    assert checkpoint.problems[0].evidence["tensors"] == {"model.embed_tokens.weight": [FIRST, SECOND]}
    assert checkpoint.tensors["model.embed_tokens.weight"].shard.name == FIRST
    (sharded / "model.safetensors.index.json").unlink()
    assert open_checkpoint(sharded).tensors["model.embed_tokens.weight"].shard.name == SECOND


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "not JSON"),
        ("[]", "a list"),
        ("{}", "missing"),
        ('{"weight_map": []}', "a list"),
        ('{"weight_map": {}}', "no tensor"),
        ('{"weight_map": {"a": 1}}', "the number 1"),
        ('{"weight_map": {"a": null}}', "null"),
        ('{"weight_map": {"a": "b"}', "not JSON"),
        ("[" * 100_000, "nested"),
        ('{"weight_map": ' + "9" * 5000 + "}", "JSON|number"),
    ],
)
def test_malformed_index(content, word, sharded):
    (sharded / "model.safetensors.index.json").write_text(content, encoding="utf-8")
    with pytest.raises(MalformedFileError, match=word):
        open_checkpoint(sharded)


def test_malformed_shard_is_named(sharded):
    (sharded / SECOND).write_bytes(b"\0" * 20)
    with pytest.raises(MalformedFileError, match=SECOND):
        open_checkpoint(sharded)
    (fault,) = diagnose(sharded)
    assert (fault.file, fault.rule) == (SECOND, "json")


def test_several_indexes_are_ambiguous(tmp_path):
    for name in ("a", "b"):
        write_index(tmp_path, {"t": "x"}, name=f"{name}.safetensors.index.json")
    with pytest.raises(CheckpointError, match="2 indexes"):
        open_checkpoint(tmp_path)
