"""Checkpoints whose table somebody quantised, and their rows as rowscope decodes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file as save_arrays

import rowscope
from rowscope.inspector.rows import open_rows

STEM = "model.embed_tokens"


def _config(rows: int | None, width: int | None, more) -> dict:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **({} if width is None else {"hidden_size": width}),
        **({} if rows is None else {"vocab_size": rows}),
        "tie_word_embeddings": True,
        **more,
    }


@pytest.fixture
def store(tmp_path):
    """store(tensors, rows, width, metadata=None, save=…, **config) -> an opened checkpoint."""

    def write(tensors, rows, width, *, metadata=None, save=save_arrays, **config):
        folder = Path(tmp_path, f"made{len(list(tmp_path.iterdir()))}")
        folder.mkdir()
        save(dict(tensors), str(folder / "model.safetensors"), metadata=metadata)
        (folder / "config.json").write_text(json.dumps(_config(rows, width, config)))
        return rowscope.open_checkpoint(folder)

    return write


@pytest.fixture
def decoded():
    """decoded(checkpoint) -> float32 rows, after every way to read them was seen to agree."""

    def read(checkpoint):
        (matrix,) = checkpoint.matrices
        with open_rows(matrix) as reader:
            assert (reader.rows, reader.width) == matrix.shape
            whole = reader.block(0, reader.rows).view(np.float32).copy()
            some = np.array([reader.rows - 1, 0, reader.rows // 2, 0])
            _same(reader.gather(some).view(np.float32), whole[some])
            _same(reader.block(1, reader.rows - 1).view(np.float32), whole[1:-1])
            reader.use("numba", 0)
            _same(reader.block(0, reader.rows).view(np.float32), whole)
            _same(reader.decode(some, 8, 16), whole[some, 8:16].astype(np.float64))
        return whole

    return read


def _same(one, other):
    assert np.array_equal(one, other, equal_nan=True)
