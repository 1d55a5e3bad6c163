"""Mapped files: the bytes of the file, blocks released behind the reader, clear errors instead of signals."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.errors import CheckpointError, MalformedFileError
from rowscope.inspector.storage.local import MappedFile


@pytest.fixture
def numbers(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(bytes(range(256)) * 64)
    return path


def test_view_is_the_file(numbers):
    content = numbers.read_bytes()
    with MappedFile(numbers) as file:
        assert file.size == len(content)
        for start, stop in [(0, 0), (0, 1), (5, 300), (16383, 16384), (0, 16384)]:
            assert bytes(file.view(start, stop)) == content[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(-1, 4), (4, 3), (0, 16385), (16385, 16386), (0, 2**70)])
def test_range_outside_the_file_is_refused(numbers, start, stop):
    with MappedFile(numbers) as file, pytest.raises(MalformedFileError, match="outside"):
        file.view(start, stop)


def test_empty_file_has_an_empty_view(tmp_path):
    path = tmp_path / "empty"
    path.touch()
    with MappedFile(path) as file:
        assert bytes(file.view(0, 0)) == b""
        file.release(0, 0)
        with pytest.raises(MalformedFileError):
            file.view(0, 1)


def test_shrunk_file_is_an_error_and_no_signal(numbers):
    with MappedFile(numbers) as file:
        os.truncate(numbers, 100)
        with pytest.raises(MalformedFileError, match="shrank from 16384 to 100"):
            file.view(0, 200)
        assert bytes(file.view(0, 100)) == bytes(range(100))


def test_grown_file_keeps_its_first_size(numbers):
    with MappedFile(numbers) as file:
        with numbers.open("ab") as more:
            more.write(b"x" * 10_000)
        with pytest.raises(MalformedFileError):
            file.view(0, 20_000)
        assert len(file.view(0, 16384)) == 16384


def test_released_pages_read_the_same_again(numbers):
    content = numbers.read_bytes()
    with MappedFile(numbers) as file:
        for _ in range(2):
            for start in range(0, file.size, 4096):
                assert bytes(file.view(start, start + 4096)) == content[start : start + 4096]
                file.release(start, start + 4096)
        file.release(1, 2)
        file.release(100, file.size)
        assert bytes(file.view(0, file.size)) == content


def test_views_outlive_the_close(numbers):
    file = MappedFile(numbers)
    array = np.frombuffer(file.view(0, 256), dtype=np.uint8)
    file.close()
    file.close()
    assert array.tolist() == list(range(256))


def test_views_are_read_only(numbers):
    with MappedFile(numbers) as file:
        assert file.view(0, 4).readonly


def test_threads_read_the_same(numbers):
    content = numbers.read_bytes()
    with MappedFile(numbers) as file, ThreadPoolExecutor(4) as pool:

        def read(start: int) -> bool:
            same = bytes(file.view(start, start + 64)) == content[start : start + 64]
            file.release(0, file.size)
            return same

        assert all(pool.map(read, range(0, 16320, 7)))


def test_no_descriptor_is_left_open(numbers, tmp_path):
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    if before is None:
        pytest.skip("no /proc to count descriptors")
    for _ in range(20):
        with MappedFile(numbers) as file:
            file.view(0, 10)
        with pytest.raises(CheckpointError):
            MappedFile(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "device", "loop"])
def test_what_is_no_file_is_refused(kind, tmp_path):
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path)
    with pytest.raises(CheckpointError, match="; "):
        MappedFile(path)


def test_a_scan_that_releases_stays_small(tmp_path):
    """64 MB read in blocks of 1 MB: the peak of the process grows by a few blocks, not by the file."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        for block in range(64):
            file.write(bytes([block]) * (1 << 20))
    code = """
import resource, sys
from pathlib import Path
from rowscope.inspector.storage.local import MappedFile
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with MappedFile(Path(sys.argv[1])) as file:
    before, total = peak(), 0
    for start in range(0, file.size, 1 << 20):
        total += sum(file.view(start, start + (1 << 20))[::4096])
        file.release(start, start + (1 << 20))
    assert total == 256 * sum(range(64)), total
    print(peak() - before)
"""
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(run.stdout) * unit < 24 << 20


def test_tensor_offsets_are_absolute(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32), "b.c": np.arange(8, dtype=np.int16).reshape(2, 4)}
    path = tmp_path / "model.safetensors"
    save_file(arrays, path)
    checkpoint = open_checkpoint(path)
    stored = load_file(path)
    for name, tensor in checkpoint.tensors.items():
        assert (tensor.name, tensor.shape) == (name, stored[name].shape)
        with MappedFile(tensor.shard.path) as file:
            raw = bytes(file.view(tensor.offset, tensor.offset + tensor.nbytes))
        assert raw == stored[name].tobytes()
