"""What a made table is, and how integers lie in its tensors.

Written from the layouts (docs/quantised.md) in plain numpy; nothing of rowscope is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

STEM = "model.embed_tokens"
FP4 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], dtype=np.float32)
E2M3 = np.array([*(m / 8 for m in range(8)), *((1 + m / 8) * 2**e for e in range(3) for m in range(8))])
FP6 = np.concatenate([E2M3, -E2M3]).astype(np.float32)


@dataclass
class Made:
    """Tensors by their full names; what `storage` says; whether rows have scales of their own."""

    tensors: dict
    values: np.ndarray
    storage: tuple  # format, bits, group, scale shape
    own_rows: bool = False
    config: dict = field(default_factory=dict)
    metadata: dict | None = None


def named(**parts):
    return {f"{STEM}.{name}": np.array(value, order="C") for name, value in parts.items()}


def stream(codes, bits, lane=np.uint32):
    """Integers (n, d) as a little-endian bit stream along each row, filled up to whole lanes."""
    flags = (codes[:, :, None].astype(np.uint8) >> np.arange(bits, dtype=np.uint8)) & 1
    flat = flags.reshape(len(codes), -1)
    size = 8 * np.dtype(lane).itemsize
    flat = np.pad(flat, ((0, 0), (0, -flat.shape[1] % size)))
    return np.packbits(flat, axis=1, bitorder="little").view(lane)


def spread(scales, group, width):
    return np.repeat(scales.astype(np.float32), group, axis=1)[:, :width]


def randomly(rows, width, bits):
    random = np.random.default_rng(rows + width + bits)
    return random, random.integers(0, 1 << bits, (rows, width), dtype=np.uint8)


def scales_of(random, rows, groups, dtype=np.float32):
    return ((1 + random.random((rows, groups))) / 64).astype(dtype)
