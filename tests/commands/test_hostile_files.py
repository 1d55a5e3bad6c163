"""Whatever stands at a path, opening it ends: a checkpoint or one clear error, never a hang or a crash."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from rowscope.inspector.checkpoint import diagnose, open_checkpoint
from rowscope.inspector.errors import CheckpointError, MalformedFileError, RowscopeError
from rowscope.inspector.header.read import read_header
from rowscope.inspector.storage.local import local_file

ARRAYS = {"model.embed_tokens.weight": np.zeros((4, 2), np.float32)}
INDEX = "model.safetensors.index.json"


def hostile(path: Path, kind: str) -> Path:
    """Put something that is no regular file at `path`."""
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "dangling":
        path.symlink_to("nowhere")
    else:
        with socket.socket(socket.AF_UNIX) as server:
            # The name of a socket has at most 108 bytes, and test folders can be deep.
            here = os.open(path.parent, os.O_RDONLY)
            server.bind(f"/proc/self/fd/{here}/{path.name}")
            os.close(here)
    return path


KINDS = ["fifo", "folder", "device", "loop", "dangling"]
if sys.platform == "linux":
    KINDS.append("socket")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["model.safetensors", INDEX, "plain"])
def test_given_as_path(kind, name, tmp_path):
    path = hostile(tmp_path / name, kind)
    for function in (open_checkpoint, diagnose):
        with pytest.raises(CheckpointError, match="; ") as caught:
            function(path)
        assert "\n" not in caught.value.message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["model.safetensors", INDEX])
def test_within_a_folder(kind, name, tmp_path):
    hostile(tmp_path / name, kind)
    with pytest.raises(CheckpointError):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
def test_as_config(kind, name, tmp_path):
    save_file(ARRAYS, tmp_path / "model.safetensors")
    hostile(tmp_path / name, kind)
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.config is None
    assert name in {skip.what for skip in checkpoint.skipped}


@pytest.mark.parametrize("kind", KINDS)
def test_as_shard(kind, tmp_path):
    hostile(tmp_path / "a.safetensors", kind)
    (tmp_path / INDEX).write_text('{"weight_map": {"t": "a.safetensors"}}', encoding="utf-8")
    with pytest.raises(CheckpointError):
        open_checkpoint(tmp_path)
    if kind == "loop":
        with pytest.raises(CheckpointError, match="symbolic links"):
            diagnose(tmp_path)
    else:
        assert [fault.file for fault in diagnose(tmp_path)] == ["a.safetensors"]


def test_loop_of_folders(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(CheckpointError, match="symbolic links"):
        open_checkpoint(tmp_path / "a" / "model.safetensors")


@pytest.mark.parametrize(
    "path", ["a\0b", "\0", "x" * 300, "x/" * 3000, "\udc80", "a\nb", "~", "%s", "\x1b[2J"]
)
def test_strange_paths(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(path)
    assert caught.value.message.isprintable()


def test_paths_of_bytes_open(tmp_path):
    save_file(ARRAYS, tmp_path / "model.safetensors")
    assert open_checkpoint(os.fsencode(tmp_path)).path == str(tmp_path)


@pytest.mark.parametrize("what", ["file", "folder", "inside", "config"])
def test_no_permission(what):
    """In a process of its own that gives up root, whom permissions do not stop."""
    code = """
import os, sys, tempfile
from pathlib import Path
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.errors import CheckpointError
what, content = sys.argv[1], bytes.fromhex(sys.argv[2])
if os.geteuid() == 0:
    os.setuid(65534)
folder = Path(tempfile.mkdtemp())
(folder / "model.safetensors").write_bytes(content)
(folder / "config.json").write_text("{}")
closed, mode, path = {
    "file": (folder / "model.safetensors", 0, folder / "model.safetensors"),
    "folder": (folder, 0o100, folder),
    "inside": (folder, 0, folder / "model.safetensors"),
    "config": (folder / "config.json", 0, folder),
}[what]
closed.chmod(mode)
try:
    result = repr(open_checkpoint(path).skipped)
except CheckpointError as error:
    result = f"CheckpointError {error}"
finally:
    folder.chmod(0o700)
    for name in ("model.safetensors", "config.json"):
        (folder / name).unlink()
    folder.rmdir()
print(result)
"""
    arguments = [sys.executable, "-c", code, what, save(ARRAYS).hex()]
    run = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "Permission denied" in run.stdout
    assert run.stdout.startswith("(Skip" if what == "config" else "CheckpointError")


@pytest.mark.parametrize(("name", "size"), [(INDEX, (128 << 20) + 1), ("config.json", (32 << 20) + 1)])
def test_oversized_json_is_refused_unread(name, size, tmp_path):
    save_file(ARRAYS, tmp_path / "model.safetensors")
    with (tmp_path / name).open("wb") as file:
        file.truncate(size)
    if name == "config.json":
        assert "above the limit" in open_checkpoint(tmp_path).skipped[0].why
    else:
        with pytest.raises(MalformedFileError, match="above the limit"):
            open_checkpoint(tmp_path)


def test_header_length_of_100_mb_of_nothing(tmp_path):
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write((100_000_000).to_bytes(8, "little"))
        file.truncate(100_000_008)
    with pytest.raises(MalformedFileError, match="not JSON"):
        read_header(local_file(path))


def test_many_kinds_of_json_values_in_an_index(tmp_path):
    save_file(ARRAYS, tmp_path / "model.safetensors")
    for value in (None, True, 1, 1.5, "x", [], [1], {"a": {}}, {"a": []}, {"": ""}, {"a": "\ud800"}):
        (tmp_path / INDEX).write_text(json.dumps({"weight_map": value}), encoding="utf-8")
        with pytest.raises(CheckpointError):
            open_checkpoint(tmp_path / INDEX)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("any")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    config=JSON | st.dictionaries(st.sampled_from(["vocab_size", "text_config", "architectures"]), JSON),
    index=st.none() | JSON | st.fixed_dictionaries({"weight_map": JSON, "metadata": JSON}),
    weights=st.none() | st.binary(max_size=60),
)
def test_any_content_opens_or_is_refused(folder, config, index, weights):
    (folder / "model.safetensors").write_bytes(save(ARRAYS) if weights is None else weights)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / INDEX).unlink(missing_ok=True)
    if index is not None:
        (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
    try:
        checkpoint = open_checkpoint(folder)
    except RowscopeError as error:
        refusal = error.message
    else:
        refusal = ""
        assert checkpoint.parameters == 8
        assert (checkpoint.config is None) == (not isinstance(config, dict))
    assert refusal.isprintable()
