"""What the stored integers of a quantised table are. Needs no numpy: headers are understood without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Order = Literal["stream", "high-first"]


@dataclass(frozen=True, slots=True)
class Coding:
    """What the stored integers of a quantised table are.

    Attributes:
        bits: of an element, 1 to 8.
        levels: which number an integer q stands for before any scale: `unsigned` (q), `centred`
            (q - 2^(bits-1)), `signed` (two's complement), or the name of a float format of `bits` bits.
        order: `stream` (little-endian bit stream over the row: element c has the bits [c * bits, c * bits +
            bits)) or `high-first` (two elements of 4 bits a byte, the first in the high half).
    """

    bits: int
    levels: str
    order: Order = "stream"


def row_bytes(coding: Coding, width: int) -> int:
    """Fewest bytes that a row of `width` elements takes."""
    return -(-width * coding.bits // 8)
