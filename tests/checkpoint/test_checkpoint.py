"""Folders and files open as loaders open them; what holds no weights is refused with the next step."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import rowscope
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.matrices.find import find_matrices

from ..writing import EMBED, FIRST, NORM, SECOND, names, write, write_index


def test_sharded_folder(sharded):
    checkpoint = open_checkpoint(sharded)
    assert names(checkpoint) == [FIRST, SECOND]
    assert set(checkpoint.tensors) == set(EMBED) | set(NORM)
    assert checkpoint.bytes == sum((sharded / name).stat().st_size for name in (FIRST, SECOND))
    assert checkpoint.parameters == 36
    assert checkpoint.shard_of("model.norm.weight").name == SECOND
    assert checkpoint.index is not None
    assert checkpoint.index.total_size == 144
    assert (checkpoint.notes, checkpoint.problems, checkpoint.skipped) == ((), (), ())
    assert checkpoint.path == str(sharded)
    assert checkpoint.root == sharded
    assert checkpoint.model_type == "llama"


def test_index_as_path(sharded):
    by_index = open_checkpoint(sharded / "model.safetensors.index.json")
    assert names(by_index) == [FIRST, SECOND]
    assert by_index.config == open_checkpoint(sharded).config


def test_one_shard_as_path_says_so(sharded):
    checkpoint = open_checkpoint(sharded / FIRST)
    assert names(checkpoint) == [FIRST]
    assert "one of 2 shards" in checkpoint.notes[0]
    assert checkpoint.config is not None


def test_single_file_uses_the_config_beside_it(tmp_path):
    path = write(tmp_path, "anything.safetensors", EMBED)
    (tmp_path / "config.json").write_text('{"vocab_size": 8}', encoding="utf-8")
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": 2}', encoding="utf-8")
    checkpoint = open_checkpoint(str(path))
    assert checkpoint.config == {"vocab_size": 8}
    assert checkpoint.generation_config == {"eos_token_id": 2}
    assert checkpoint.layout == find_matrices(checkpoint.tensors, checkpoint.config)
    assert checkpoint.matrices == checkpoint.layout.matrices
    assert checkpoint.matrices[0].tensor == "model.embed_tokens.weight"


def test_relative_path_and_trailing_slash(sharded, monkeypatch):
    monkeypatch.chdir(sharded.parent)
    assert names(open_checkpoint(sharded.name + "/")) == [FIRST, SECOND]
    monkeypatch.chdir(sharded)
    assert names(open_checkpoint(".")) == [FIRST, SECOND]


def test_set_without_index(sharded):
    (sharded / "model.safetensors.index.json").unlink()
    checkpoint = open_checkpoint(sharded)
    assert names(checkpoint) == [FIRST, SECOND]
    assert checkpoint.index is None
    assert not checkpoint.problems


def test_only_file_of_any_name(tmp_path):
    write(tmp_path, "my finetune.fp16.safetensors", EMBED)
    assert names(open_checkpoint(tmp_path)) == ["my finetune.fp16.safetensors"]


@pytest.mark.parametrize("first", ["model.safetensors", "adapter_model.safetensors"])
def test_usual_name_wins_and_the_rest_is_noted(first, tmp_path):
    write(tmp_path, first, EMBED)
    write(tmp_path, "zz_other.safetensors", NORM)
    checkpoint = open_checkpoint(tmp_path)
    assert names(checkpoint) == [first]
    assert "zz_other.safetensors" in checkpoint.notes[0]


def test_consolidated_beside_shards_is_ignored_with_a_note(sharded):
    write(sharded, "consolidated.safetensors", EMBED | NORM)
    checkpoint = open_checkpoint(sharded)
    assert names(checkpoint) == [FIRST, SECOND]
    assert "consolidated.safetensors" in checkpoint.notes[0]
    assert not checkpoint.problems
    (sharded / "model.safetensors.index.json").unlink()
    assert names(open_checkpoint(sharded)) == [FIRST, SECOND]


@pytest.mark.parametrize(
    "files",
    [
        ["consolidated.safetensors"],
        ["consolidated-00001-of-00002.safetensors", "consolidated-00002-of-00002.safetensors"],
    ],
)
def test_consolidated_alone_is_used(files, tmp_path):
    for number, name in enumerate(files):
        write(tmp_path, name, {f"layers.{number}.w": np.zeros(2, np.float16)})
    checkpoint = open_checkpoint(tmp_path)
    assert names(checkpoint) == files
    assert not checkpoint.notes


def test_single_file_named_by_its_index(tmp_path):
    write(tmp_path, "model.safetensors", EMBED)
    write_index(tmp_path, dict.fromkeys(EMBED, "model.safetensors"), metadata={"total_size": 128})
    checkpoint = open_checkpoint(tmp_path)
    assert names(checkpoint) == ["model.safetensors"]
    assert checkpoint.index is not None
    assert not checkpoint.problems


def test_single_file_beside_a_foreign_index_wins_as_in_transformers(sharded):
    pytest.importorskip("transformers")
    from transformers.modeling_utils import _get_resolved_checkpoint_files

    write(sharded, "model.safetensors", EMBED)
    checkpoint = open_checkpoint(sharded)
    theirs, _ = _get_resolved_checkpoint_files(
        str(sharded), variant=None, gguf_file=None, use_safetensors=True, user_agent=None,
        is_remote_code=False, download_kwargs={},
    )  # fmt: skip
    assert [str(shard.path) for shard in checkpoint.shards] == theirs
    assert "index" in checkpoint.notes[0]


def test_shards_in_sub_folders_are_legal(tmp_path):
    write(tmp_path, "sub/model-00001.safetensors", EMBED)
    write(tmp_path, "model-2.safetensors", NORM)
    write_index(
        tmp_path,
        {
            "model.embed_tokens.weight": "sub/model-00001.safetensors",
            "model.norm.weight": "model-2.safetensors",
        },
    )
    checkpoint = open_checkpoint(tmp_path)
    assert names(checkpoint) == ["model-2.safetensors", "sub/model-00001.safetensors"]
    assert not checkpoint.problems


def test_linked_folder_opens(sharded, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "checkpoint"
    link.symlink_to(sharded, target_is_directory=True)
    assert names(open_checkpoint(link)) == [FIRST, SECOND]


def test_demo_and_a_local_folder_of_that_name(tmp_path, monkeypatch):
    assert open_checkpoint("demo").model_type == "qwen2"
    write(tmp_path / "demo", "model.safetensors", EMBED)
    monkeypatch.chdir(tmp_path)
    checkpoint = open_checkpoint("demo")
    assert checkpoint.root == Path("demo")
    assert checkpoint.parameters == 32


def test_threads_open_the_same(sharded):
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(open_checkpoint, [sharded] * 16))
    assert all(one == opened[0] for one in opened)


def test_a_huge_checkpoint_opens_by_its_headers(tmp_path):
    """191 sparse shards of 4 GB: data that is read would take minutes."""
    count, size = 191, 1 << 32
    weight_map = {}
    for number in range(1, count + 1):
        name = f"model-{number:05d}-of-{count:05d}.safetensors"
        tensor = f"model.layers.{number}.mlp.weight"
        header = json.dumps({tensor: {"dtype": "BF16", "shape": [size // 2], "data_offsets": [0, size]}})
        with (tmp_path / name).open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header.encode())
            try:
                file.truncate(8 + len(header) + size)
            except OSError:
                pytest.skip("the file system has no sparse files of this size")
        weight_map[tensor] = name
    write_index(tmp_path, weight_map, metadata={"total_size": count * size})
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.bytes > count * size
    assert checkpoint.parameters == count * size // 2
    assert not checkpoint.problems


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("pytorch_model.bin", "save_file"),
        ("model.pt", "save_file"),
        ("consolidated.00.pth", "save_file"),
        ("last.ckpt", "save_file"),
        ("model-Q4_K_M.gguf", "gguf_file"),
        ("tf_model.h5", "from_tf"),
        ("flax_model.msgpack", "from_flax"),
        ("weights.npz", "numpy.load"),
    ],
)
def test_other_formats_are_refused_with_what_converts_them(name, advice, tmp_path):
    (tmp_path / name).write_bytes(b"\x80\x02.")
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(CheckpointError, match=advice):
            open_checkpoint(path)


def test_sub_folders_that_hold_weights_are_named(tmp_path):
    write(tmp_path / "unet", "diffusion_pytorch_model.safetensors", NORM)
    write(tmp_path / "text_encoder", "model.safetensors", EMBED)
    (tmp_path / "vae").mkdir()
    with pytest.raises(CheckpointError, match="'text_encoder', 'unet'"):
        open_checkpoint(tmp_path)


def test_files_that_form_no_set_are_ambiguous(tmp_path):
    write(tmp_path, "model.fp16.safetensors", EMBED)
    write(tmp_path, "model.fp32.safetensors", EMBED)
    with pytest.raises(CheckpointError, match=r"fp16.*fp32"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("content", [{}, {"README.md": "x"}])
def test_folder_without_weights(content, tmp_path):
    for name, text in content.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match="empty" if not content else "no safetensors"):
        open_checkpoint(tmp_path)


def test_unknown_tensor(sharded):
    with pytest.raises(CheckpointError, match="'nope'"):
        open_checkpoint(sharded).shard_of("nope")


def test_public_name(sharded):
    assert rowscope.open_checkpoint is open_checkpoint
    assert os.fspath(rowscope.open_checkpoint(sharded).root) == str(sharded)
