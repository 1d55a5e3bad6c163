"""Every kind of packed rows that the compiled kernels know, and what they must find in them.

Runs by itself as well, in a process that compiles for another processor (`test_kernels_decode_processors`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rowscope.kernels import dispatch
from rowscope.kernels.decode.coding import Coding, row_bytes
from rowscope.kernels.decode.decode import decode, fits, fits_scan, scan_decoded
from rowscope.kernels.decode.scaling import Scaling
from rowscope.kernels.formats import FORMATS
from rowscope.kernels.results import GroupSums, RowColumns

_BITS = (2, 3, 4, 5, 6, 8)

KINDS = (
    *((f"unsigned {bits}, offset", Coding(bits, "unsigned"), "offset") for bits in _BITS),
    *((f"centred {bits}", Coding(bits, "centred"), "none") for bits in _BITS),
    ("centred 4, zero", Coding(4, "centred"), "zero"),
    ("unsigned 4", Coding(4, "unsigned"), "none"),
    ("signed 4", Coding(4, "signed"), "none"),
    ("signed 8", Coding(8, "signed"), "none"),
    ("signed 8, zero", Coding(8, "signed"), "zero"),
    ("F8_E4M3", Coding(8, "F8_E4M3"), "none"),
)
"""By name: what is stored, and what its scales come with."""

ANYWHERE = (
    "unsigned 2, offset",
    "centred 3",
    "centred 4, zero",
    "unsigned 5, offset",
    "centred 6",
    "unsigned 8, offset",
    "signed 8",
    "F8_E4M3",
)
"""Those that are compiled for other processors as well: each number of bits, each use of a shift."""

SCANNED = ("centred 3", "F8_E4M3")
"""One of each way to scan them: measured as they are looked up, and after they were unpacked."""

_SHAPES = ((128, 64), (96, 32), (200, 64), (40, 40), (8, 8), (24, 24), (72, 24), (1048, 16))
"""Width and group."""

_ROWS = 21


def made(coding: Coding, kind: str) -> Iterator[tuple[np.ndarray, Scaling, int]]:
    """Rows at an odd distance with scales by group and by row, some of them 0, negative, or no number."""
    for width, group in _SHAPES:
        random = np.random.default_rng(width * coding.bits)
        size = row_bytes(coding, width)
        raw = random.integers(0, 256, (_ROWS, size + 3), dtype=np.uint8)[:, :size]
        raw[3], raw[4] = 0, 255
        for by in (group, width):
            groups = -(-width // by)
            scale = random.normal(size=(_ROWS, groups)).astype(np.float16)
            scale[5], scale[6, -1], scale[7, 0], scale[8] = 0, np.nan, np.inf, np.abs(scale[8])
            other = random.integers(-9, 9, (_ROWS, groups)).astype(np.float16)
            other[9] = -0.0
            side = {"none": {}, "zero": {"zero": other}, "offset": {"offset": other}}[kind]
            yield raw, Scaling(by, scale, **side), width


def check_values(name: str, coding: Coding, kind: str) -> None:
    for raw, scaling, width in made(coding, kind):
        assert fits(coding, scaling, width), name
        plain, fast = (np.zeros((_ROWS, width), dtype=np.float32) for _ in "ab")
        decode("numpy", coding, raw, scaling, plain)
        decode("numba", coding, raw, scaling, fast)
        np.testing.assert_array_equal(fast, plain, err_msg=f"{name} {width}")
        number = ~np.isnan(plain)
        np.testing.assert_array_equal(np.signbit(fast[number]), np.signbit(plain[number]), err_msg=name)


def check_scan(name: str, coding: Coding, kind: str) -> None:
    """The scan says the same of every row as numpy does of the decoded ones."""
    for raw, scaling, width in made(coding, kind):
        if not fits_scan(coding, scaling, width):
            continue
        values = np.zeros((_ROWS, width), dtype=np.float32)
        decode("numpy", coding, raw, scaling, values)
        plain, fast = RowColumns.allocate(_ROWS), RowColumns.allocate(_ROWS)
        groups = (np.arange(_ROWS) % 2).astype(np.int8)
        sums = [GroupSums.allocate(2, width) for _ in "ab"]
        left, _ = scan_decoded(coding, raw, scaling, width, fast, groups, sums[0])
        kept = np.setdiff1d(np.arange(_ROWS), left)
        groups[left] = -1
        dispatch.scan("numpy", FORMATS["F32"], values.view(np.uint8), plain, groups, sums[1])
        assert set(np.flatnonzero(~np.isfinite(values).all(axis=1))) <= set(left), name
        for column in ("zeros", "min", "max", "fingerprint"):
            one, other = getattr(fast, column)[kept], getattr(plain, column)[kept]
            np.testing.assert_array_equal(one, other, err_msg=f"{name} {width} {column}")
        for column in ("sum", "sumsq", "l1", "m2"):
            one, other = getattr(fast, column)[kept], getattr(plain, column)[kept]
            room = 1e-13 * plain.l1[kept] if column == "sum" else 1e-15
            assert (np.abs(one - other) <= 1e-11 * np.abs(other) + room).all(), (name, width, column)
        np.testing.assert_allclose(sums[0].unit_sum, sums[1].unit_sum, rtol=1e-11, atol=1e-13)


if __name__ == "__main__":
    for kind in (kind for kind in KINDS if kind[0] in ANYWHERE):
        check_values(*kind)
        if kind[0] in SCANNED:
            check_scan(*kind)
