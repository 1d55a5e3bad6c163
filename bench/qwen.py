"""The Qwen-shaped checkpoints that several sections share, made once in the folder of the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.checkpoints import QWEN_ENTRIES, QWEN_ROWS, QWEN_WIDTH, write_qwen_shape


@dataclass(frozen=True, slots=True)
class Shape:
    """Rows and width of the matrix, entries of the tokenizer, bytes of the tensors of the large variant."""

    rows: int
    width: int
    entries: int
    large: int


def qwen_shape(quick: bool) -> Shape:
    """Qwen2.5-0.5B's, or a small one with as many reserved rows."""
    if quick:
        return Shape(rows=8_192, width=128, entries=8_192 - 271, large=50 * 10**6)
    return Shape(QWEN_ROWS, QWEN_WIDTH, QWEN_ENTRIES, large=10**9)


def checkpoint_of(work: Path, shape: Shape, large: bool = False) -> Path:
    """A checkpoint's folder: the matrix alone, or with a tensor that fills it up to `shape.large` bytes."""
    folder = work / ("qwen-large" if large else "qwen")
    if not (folder / "tokenizer_config.json").exists():  # the file that is written last
        extra = shape.large - shape.rows * shape.width * 2 if large else 0
        write_qwen_shape(folder, shape.rows, shape.width, shape.entries, extra_bytes=extra)
    return folder
