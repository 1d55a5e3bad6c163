"""The Qwen-shaped checkpoints that several sections share, made once in the folder of the run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from bench.checkpoints import (
    QWEN_ENTRIES,
    QWEN_LAYERS,
    QWEN_ROWS,
    QWEN_WIDTH,
    qwen_shapes,
    write_qwen_shape,
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Rows and width of the matrix, entries of the tokenizer, layers of the whole model."""

    rows: int
    width: int
    entries: int
    layers: int

    @property
    def large(self) -> int:
        """Bytes of the whole model's tensors."""
        shapes = qwen_shapes(self.rows, self.width, self.layers).values()
        return sum(2 * math.prod(shape) for shape in shapes)


def qwen_shape(quick: bool) -> Shape:
    """Qwen2.5-0.5B's, or a small one with as many reserved rows."""
    if quick:
        return Shape(rows=8_192, width=128, entries=8_192 - 271, layers=2)
    return Shape(QWEN_ROWS, QWEN_WIDTH, QWEN_ENTRIES, QWEN_LAYERS)


def checkpoint_of(work: Path, shape: Shape, large: bool = False) -> Path:
    """A checkpoint's folder: the matrix alone, or the whole model."""
    folder = work / ("qwen-whole" if large else "qwen")
    if not (folder / "tokenizer_config.json").exists():  # the file that is written last
        layers = shape.layers if large else 0
        write_qwen_shape(folder, shape.rows, shape.width, shape.entries, layers)
    return folder
