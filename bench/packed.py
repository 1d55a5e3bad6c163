"""Checkpoints of one quantised table: random codes and scales, or holes, in the layouts that are common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from bench.checkpoints import write_header

STEM = "model.embed_tokens"
BLOCK_ROWS = 4_096
"""Rows of random values, repeated, that fill a file."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor of a quantised table: its name behind the stem, its dtype, columns a row, and their bytes."""

    name: str
    dtype: str
    columns: int
    row_bytes: int
    make: Callable[[np.random.Generator, int], NDArray[np.generic]]


def _codes(name: str, dtype: str, lane: type, size: int) -> Stored:
    columns = size // np.dtype(lane).itemsize

    def make(random: np.random.Generator, rows: int) -> NDArray[np.generic]:
        return random.integers(0, 256, (rows, size), dtype=np.uint8)

    return Stored(name, dtype, columns, size, make)


def _floats(name: str, columns: int, factor: float) -> Stored:
    def make(random: np.random.Generator, rows: int) -> NDArray[np.generic]:
        return (factor * (1 + random.random((rows, columns)))).astype(np.float16)

    return Stored(name, "F16", columns, 2 * columns, make)


def _fp8(columns: int) -> Stored:
    def make(random: np.random.Generator, rows: int) -> NDArray[np.generic]:
        return (50 * random.standard_normal((rows, columns))).astype(ml_dtypes.float8_e4m3fn)

    return Stored("weight", "F8_E4M3", columns, columns, make)


def _mlx(bits: int, width: int, group: int = 64) -> tuple[Stored, ...]:
    return (
        _codes("weight", "U32", np.uint32, width * bits // 8),
        _floats("scales", width // group, 0.04 / 2**bits),
        _floats("biases", width // group, -0.02),
    )


LAYOUTS: dict[str, Callable[[int], tuple[Stored, ...]]] = {
    **{f"MLX {bits} bit": lambda width, bits=bits: _mlx(bits, width) for bits in (3, 4, 6, 8)},  # type: ignore[misc]
    "FP8 by row": lambda width: (_fp8(width), _floats("weight_scale", 1, 0.0004)),
    "INT8 by row": lambda width: (
        _codes("weight", "I8", np.int8, width),
        _floats("weight_scale", 1, 0.0004),
    ),
    "pack-quantized 4 bit": lambda width: (
        _codes("weight_packed", "I32", np.int32, width // 2),
        _floats("weight_scale", width // 128, 0.004),
    ),
}
"""By name: the tensors of a table of a width."""


def write_packed(folder: Path, layout: str, rows: int, width: int, *, holes: bool = False) -> Path:
    """A checkpoint of one quantised table; kept if it is there.

    Args:
        layout: a key of `LAYOUTS`.
        holes: leave the tensors unwritten: a sparse file, whose codes and scales are zeros.
    """
    if (folder / "config.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    parts = LAYOUTS[layout](width)
    path = folder / "model.safetensors"
    start = write_header(
        path, {f"{STEM}.{p.name}": (p.dtype, [rows, p.columns], rows * p.row_bytes) for p in parts}
    )
    if not holes:
        with path.open("r+b") as file:
            file.seek(start)
            for part in parts:
                file.writelines(_filling(part, rows))
    config = {"vocab_size": rows, "hidden_size": width, "tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _filling(part: Stored, rows: int) -> Iterator[bytes]:
    block = part.make(np.random.default_rng(7), min(rows, BLOCK_ROWS)).tobytes()
    for at in range(0, rows, BLOCK_ROWS):
        yield block[: min(BLOCK_ROWS, rows - at) * part.row_bytes]
