"""Quantised rows as stored bytes -> the integer of each element, in plain numpy."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels import formats
from rowscope.kernels.decode.coding import Coding

Bytes = NDArray[np.uint8]
Singles = NDArray[np.float32]


def unpack_codes(coding: Coding, raw: Bytes, width: int) -> Bytes:
    """The integers of rows `raw`, shape (n, row bytes), as shape (n, width)."""
    if coding.bits == 8:
        return raw[:, :width]
    if coding.bits == 4:
        low, high = raw & 0x0F, raw >> 4
        pair = (high, low) if coding.order == "high-first" else (low, high)
        return np.stack(pair, axis=-1).reshape(raw.shape[0], -1)[:, :width]
    return _stream(coding.bits, raw, width)


def pack_codes(coding: Coding, codes: Bytes, stored: int) -> Bytes:
    """Integers of rows, shape (n, width), as `stored` bytes each: the reverse of `unpack_codes`."""
    places = np.arange(coding.bits, dtype=np.uint8)
    ordered = codes
    if coding.order == "high-first":
        ordered = codes.reshape(len(codes), -1, 2)[:, :, ::-1].reshape(codes.shape)
    bits = (ordered[:, :, None] >> places) & np.uint8(1)
    packed = np.packbits(bits.reshape(len(codes), -1), axis=1, bitorder="little")
    return np.pad(packed, ((0, 0), (0, stored - packed.shape[1])))


def _stream(bits: int, raw: Bytes, width: int) -> Bytes:
    """Eight elements lie in `bits` bytes: these make a word, from which each is shifted out."""
    words = -(-width // 8)
    whole = np.zeros((raw.shape[0], words * bits), dtype=np.uint8)
    used = min(raw.shape[1], words * bits)
    whole[:, :used] = raw[:, :used]
    pieces = whole.reshape(raw.shape[0], words, bits)
    word = np.zeros((raw.shape[0], words), dtype=np.uint64)
    for place in range(bits):
        word |= pieces[:, :, place].astype(np.uint64) << np.uint64(8 * place)
    shifts = np.arange(8, dtype=np.uint64) * np.uint64(bits)
    codes = (word[:, :, None] >> shifts) & np.uint64((1 << bits) - 1)
    return codes.astype(np.uint8).reshape(raw.shape[0], words * 8)[:, :width]


@cache
def level_table(coding: Coding) -> Singles:
    """The number that each integer stands for, float32 (2^bits,), read-only."""
    codes = np.arange(1 << coding.bits)
    if coding.levels == "unsigned":
        values: NDArray[Any] = codes
    elif coding.levels == "centred":
        values = codes - (1 << (coding.bits - 1))
    elif coding.levels == "signed":
        values = np.where(codes >> (coding.bits - 1), codes - (1 << coding.bits), codes)
    else:
        form = formats.FORMATS[coding.levels]
        values = formats.byte_values(form.name)[codes << (8 - form.bits)]
    found: Singles = values.astype(np.float32)
    found.setflags(write=False)
    return found


def level_steps(coding: Coding, table: Singles | None = None) -> Singles:
    """For each integer the distance of its number to the next ones, on average, float32 (2^bits,); 0 where it
    is no finite number. `table` replaces the numbers that `coding` names."""
    levels = np.asarray(level_table(coding) if table is None else table, dtype=np.float64)
    steps = np.zeros(levels.size)
    finite = np.flatnonzero(np.isfinite(levels))
    values, place = np.unique(levels[finite], return_inverse=True)
    if values.size > 1:
        gaps = np.diff(values)
        steps[finite] = ((np.r_[gaps[0], gaps] + np.r_[gaps, gaps[-1]]) / 2)[place]
    return steps.astype(np.float32)
