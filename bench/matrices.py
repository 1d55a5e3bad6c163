"""Files of one matrix: written with any float dtype, opened as rowscope, torch and numpy open them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

import rowscope
from bench.checkpoints import to_bf16, write_header
from rowscope.inspector.rows.blocks import RowReader

NAME = "model.embed_tokens.weight"
BLOCK_BYTES = 32 << 20
"""Random values of this size, repeated, fill a file: what they are does not change how long they take."""

LANES: dict[str, Any] = {
    "BF16": ml_dtypes.bfloat16,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
}
"""numpy dtype of each dtype of the format."""


def write_matrix(path: Path, dtype: str, rows: int, width: int) -> Path:
    """A safetensors file with one matrix of normal values of standard deviation 0.02; kept if it is there."""
    if path.exists():
        return path
    lane = np.dtype(LANES[dtype])
    size = rows * width * lane.itemsize
    few = max(1, min(rows, BLOCK_BYTES // (width * lane.itemsize)))
    values = np.random.default_rng(7).standard_normal((few, width), dtype=np.float32) * np.float32(0.02)
    block = to_bf16(values).tobytes() if dtype == "BF16" else values.astype(lane).tobytes()
    part = path.with_suffix(".part")
    start = write_header(part, {NAME: (dtype, [rows, width], size)})
    with part.open("r+b") as file:
        file.seek(start)
        for at in range(0, size, len(block)):
            file.write(block[: size - at])
    part.rename(path)
    return path


def open_reader(path: Path) -> RowReader:
    """rowscope's reader of the file's matrix; the caller closes it."""
    return RowReader(rowscope.open_checkpoint(path).matrices[0].ref)


class KeepingReader(RowReader):
    """One that keeps its pages mapped, as tensors and arrays over a mapped file keep theirs."""

    def release(self, start: int, stop: int) -> None:
        """Give nothing back."""


def open_keeping(path: Path) -> RowReader:
    """Like `open_reader`, for one that keeps its pages."""
    return KeepingReader(rowscope.open_checkpoint(path).matrices[0].ref)


def map_matrix(path: Path, dtype: str) -> NDArray[Any]:
    """The matrix as numpy maps it, shape (rows, width); bfloat16 and float8 as ml_dtypes knows them."""
    ref = rowscope.open_checkpoint(path).matrices[0].ref
    return np.memmap(path, dtype=LANES[dtype], mode="r", offset=ref.offset, shape=ref.shape)


def load_torch(path: Path) -> Any:
    """The matrix as safetensors hands it to torch: a tensor over the mapped file."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return file.get_tensor(NAME)
