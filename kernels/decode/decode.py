"""Quantised rows -> float32 values: in numpy, or by the compiled kernel, with the same bits either way."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from rowscope.kernels import dispatch
from rowscope.kernels.arguments import TILE, Decoding
from rowscope.kernels.compile import machine_code
from rowscope.kernels.compile.machine_code import Engine
from rowscope.kernels.decode.codes import level_table, unpack_codes
from rowscope.kernels.decode.coding import Coding, row_bytes
from rowscope.kernels.decode.scaling import Scaling, scale_levels
from rowscope.kernels.results import GroupSums, RowColumns

Singles = NDArray[np.float32]

WORTH_COMPILING = 400_000_000
"""Elements from which the compiled kernel wins although it has to be compiled first."""

BLOCK_ELEMENTS = 1 << 18
"""Elements that numpy decodes at once."""

ROOM_BYTES = 256 << 10
"""Bytes of decoded rows that are scanned at a time: they stay in a cache of the second level."""

UNIT = 8
"""Elements that the compiled kernel takes together: they fill whole bytes whatever their bits."""

_INTEGERS = ("unsigned", "centred", "signed")
_FLOATS = ("F8_E4M3",)


def choose_engine(coding: Coding, elements: int, with_offset: bool) -> Engine:
    """The faster engine for so many elements."""
    if not _compilable(coding):
        return "numpy"
    name, *variant = _kernel(coding, with_offset)
    return machine_code.choose_engine(elements, WORTH_COMPILING, name, *variant)


def decode(
    engine: Engine,
    coding: Coding,
    raw: NDArray[np.uint8],
    scaling: Scaling,
    out: Singles,
    table: Singles | None = None,
) -> None:
    """Fill `out`, float32 (n, width) and contiguous, with the values of rows `raw`, shape (n, row bytes).

    Args:
        table: the number that each integer stands for, instead of the one that `coding` names.
    """
    if engine == "numba" and table is None and out.size and fits(coding, scaling, out.shape[1]):
        _decode_compiled(coding, raw, scaling, out)
        return
    levels = level_table(coding) if table is None else table
    width = out.shape[1]
    step = max(1, BLOCK_ELEMENTS // max(width, 1))
    for start in range(0, len(out), step):
        stop = min(start + step, len(out))
        codes = unpack_codes(coding, raw[start:stop], width)
        out[start:stop] = scale_levels(levels[codes], _part(scaling, start, stop))


def scan_decoded(
    coding: Coding,
    raw: NDArray[np.uint8],
    scaling: Scaling,
    width: int,
    out: RowColumns,
    groups: NDArray[np.int8] | None = None,
    sums: GroupSums | None = None,
) -> tuple[NDArray[np.int64], bool]:
    """Scan rows as float32 values, decoding a few of them at a time: as `rowscope.kernels.dispatch.scan` of
    what `decode` gives, with the compiled kernel.

    Returns:
        Positions of the rows that were left out, and whether the sums are of no use: a group's rows scatter
        so little that they have to be summed about a pivot, which takes all of them decoded.
    """
    room = np.empty((min(len(raw), max(TILE, ROOM_BYTES // (4 * width))), width), dtype=np.float32)
    asked = _asked(coding, raw, scaling, room)
    special = np.empty(len(raw), dtype=np.uint8)
    _, *variant = _kernel(coding, scaling.offset is not None)
    scan = machine_code.kernel("scan_decoded", *variant)
    scan(asked, *dispatch.scan_arguments(4 * width, out, groups, sums, special))
    return np.flatnonzero(special), bool(asked.again[0])


def fits(coding: Coding, scaling: Scaling, width: int) -> bool:
    """Whether the compiled kernels know such rows."""
    groups = scaling.scale.shape[1]
    shifts = [part.shape[1] for part in (scaling.zero, scaling.offset) if part is not None]
    return (
        _compilable(coding)
        and width > 0
        and width % UNIT == 0
        and (scaling.group % UNIT == 0 or groups == 1)
        and all(count in (1, groups) for count in shifts)
        and scaling.columns is None
        and scaling.factor == 1.0
        and (scaling.offset is None or coding.levels == "unsigned")
    )


def prepare(coding: Coding, with_offset: bool) -> None:
    """Make the compiled kernel ready in this thread."""
    if _compilable(coding):
        name, *variant = _kernel(coding, with_offset)
        for kernel in (name, "scan_decoded"):
            machine_code.kernel(kernel, *variant)


def _part(scaling: Scaling, start: int, stop: int) -> Scaling:
    def cut(numbers: Singles | None) -> Singles | None:
        return numbers if numbers is None or len(numbers) == 1 else numbers[start:stop]

    scale = cut(scaling.scale)
    assert scale is not None
    zero, offset = cut(scaling.zero), cut(scaling.offset)
    return Scaling(scaling.group, scale, zero, offset, scaling.columns, scaling.factor)


def _decode_compiled(coding: Coding, raw: NDArray[np.uint8], scaling: Scaling, out: Singles) -> None:
    assert out.flags.c_contiguous
    asked = _asked(coding, raw, scaling, out)
    machine_code.kernel(*_kernel(coding, scaling.offset is not None))(asked)


def _asked(coding: Coding, raw: NDArray[np.uint8], scaling: Scaling, room: Singles) -> Decoding:
    """The rows `raw`, to be decoded into `room`, float32 (rows at a time, width)."""
    width = room.shape[1]
    if raw.strides[1] != 1:
        raw = np.ascontiguousarray(raw)
    assert raw.shape[1] >= row_bytes(coding, width)
    scale = _numbers(scaling.scale)
    shift, flip = _shift(coding, scaling)
    return Decoding(
        raw,
        len(raw),
        raw.strides[0],
        width,
        scale,
        scale.shape[1] if len(scale) > 1 else 0,
        shift,
        shift.shape[1] if len(shift) > 1 else 0,
        int(shift.shape[1] > 1),
        width if scale.shape[1] == 1 else scaling.group,
        flip,
        len(room),
        room.view(np.uint8),
        np.zeros(1, dtype=np.uint8),
    )


def _shift(coding: Coding, scaling: Scaling) -> tuple[Singles, int]:
    """What is added to the scaled level, or subtracted from the stored integer; and the bits to flip in that
    integer, so that it is not negative."""
    flip = 1 << (coding.bits - 1) if coding.levels == "signed" else 0
    if scaling.offset is not None:
        assert coding.levels == "unsigned"
        return _numbers(scaling.offset), 0
    base = float(1 << (coding.bits - 1)) if coding.levels in ("centred", "signed") else 0.0
    zero = np.zeros((1, 1), dtype=np.float32) if scaling.zero is None else scaling.zero
    return _numbers(zero + np.float32(base)), flip


def _numbers(array: Singles) -> Singles:
    return np.ascontiguousarray(array, dtype=np.float32)


def _kernel(coding: Coding, with_offset: bool) -> tuple[str, str, str, str]:
    levels = "integer" if coding.levels in _INTEGERS else coding.levels
    return "decode", levels, str(coding.bits), "offset" if with_offset else "zero"


def _compilable(coding: Coding) -> bool:
    known = (coding.levels in _INTEGERS and coding.bits in (2, 3, 4, 5, 6, 8)) or coding.levels in _FLOATS
    return known and coding.order == "stream" and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
