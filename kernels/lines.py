"""Arrays that begin on a cache line, for what the kernels load and store in whole vectors.

A vector across two lines takes two accesses: column sums at a chance address made their pass a third slower.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PAGE = 4096


def zeros_on_lines(rows: int, width: int, place: int = 0) -> NDArray[np.float64]:
    """float64 zeros, shape (rows, width), that begin `place` bytes into a page."""
    room = np.zeros(rows * width + _PAGE // 8 - 1)
    first = (place - room.ctypes.data) % _PAGE // 8
    return room[first : first + rows * width].reshape(rows, width)


def floats_on_lines(rows: int, width: int) -> NDArray[np.float32]:
    """Room for float32 numbers, shape (rows, width), that begins on a page."""
    room = np.empty(rows * width + _PAGE // 4 - 1, dtype=np.float32)
    first = (2048 - room.ctypes.data) % _PAGE // 4
    return room[first : first + rows * width].reshape(rows, width)


def copy_on_lines(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """A copy of an array, shape (rows, width)."""
    copy = zeros_on_lines(*array.shape)
    copy[:] = array
    return copy
