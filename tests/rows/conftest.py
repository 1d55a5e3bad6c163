"""Files of one matrix, read back through a `RowReader`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rowscope.inspector.header.read import read_header
from rowscope.inspector.header.tensors import Shard, TensorRef
from rowscope.inspector.rows import chunks
from rowscope.inspector.rows.blocks import RowReader
from rowscope.inspector.storage.local import local_file

from .. import naive


def _write(path: Path, dtype: str, shape: tuple[int, ...], data: bytes, before: int = 0) -> TensorRef:
    """A file of one tensor named `rows`, after `before` bytes of another one."""
    tensors = {"a": {"dtype": "U8", "shape": [before], "data_offsets": [0, before]}} if before else {}
    tensors["rows"] = {"dtype": dtype, "shape": list(shape), "data_offsets": [before, before + len(data)]}
    header = json.dumps(tensors).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(before) + data)
    shard = Shard(path.name, local_file(path), read_header(local_file(path)))
    return TensorRef(next(info for info in shard.header.tensors if info.name == "rows"), shard)


@pytest.fixture(scope="session")
def write() -> Callable[..., TensorRef]:
    """write(path, dtype, shape, data, before=0) -> a reference to the tensor."""
    return _write


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., RowReader]:
    """store(dtype, values, before=0) -> a reader of these rows."""

    def write_values(dtype: str, values: np.ndarray, before: int = 0) -> RowReader:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.safetensors"
        return RowReader(_write(path, dtype, values.shape, naive.encode(dtype, values).tobytes(), before))

    return write_values


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few rows, so that a small matrix has many."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 700)
