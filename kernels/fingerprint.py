"""A 64-bit fingerprint of a row's codes: equal rows (-0 read as +0) have equal fingerprints.

The row is read as 64-bit words w_i (the last one padded with zeros) and hashed as
sum_i lo(w_i + k_i) * hi(w_i + k_i) mod 2^64 with fixed keys k_i and the halves of 32 bits, then mixed:
after the NH family of UMAC (Black et al., CRYPTO 1999), which maps onto vector multiplications. Matches are
candidates: whoever needs certainty compares the bytes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels.lines import zeros_on_lines

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


@lru_cache(maxsize=8)
def keys(words: int) -> NDArray[np.uint64]:
    """The first `words` outputs of splitmix64 (Steele, Lea, Flood, OOPSLA 2014) from seed 0, read-only."""
    state = np.arange(1, words + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed: NDArray[np.uint64] = zeros_on_lines(1, words)[0].view(np.uint64)
    mixed[:] = mix(state)
    mixed.setflags(write=False)
    return mixed


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64's finaliser: a bijection of words in which each input bit reaches every output bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def fingerprints(codes: NDArray[Any]) -> NDArray[np.uint64]:
    """Fingerprint of each row of canonical codes, shape (rows, width) -> (rows,)."""
    rows, width = codes.shape
    size = width * codes.dtype.itemsize
    words = -(-size // 8)
    padded = np.zeros((rows, words * 8), dtype=np.uint8)
    padded[:, :size] = np.ascontiguousarray(codes).view(np.uint8).reshape(rows, size)
    word = padded.view("<u8") + keys(words)
    products = (word & _LOW) * (word >> _HALF)
    return mix(products.sum(axis=1, dtype=np.uint64) + np.uint64(size))
