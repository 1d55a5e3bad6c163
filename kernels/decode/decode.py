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
from rowscope.kernels.decode.scaling import KINDS, Numbers, Scaling, scale_levels, widen
from rowscope.kernels.lines import floats_on_lines
from rowscope.kernels.results import GroupSums, RowColumns

Singles = NDArray[np.float32]

WORTH_COMPILING = 400_000_000
"""Elements from which the compiled kernel wins although it has to be compiled first."""

BLOCK_ELEMENTS = 1 << 18
"""Elements that numpy decodes at once."""

ROOM_BYTES = 64 << 10
"""Bytes of decoded rows that are scanned at a time: they stay in a cache of the second level."""

LARGEST_SCALE = np.float32(2.0**119)
"""Scales of 8-bit floats from which on numpy takes over."""

UNIT = 8
"""Elements that the compiled kernel takes together: they fill whole bytes whatever their bits."""

VECTOR = 16
"""Elements that the compiled scan takes together: more than one scale to them would cost it its lead."""

_INTEGERS = ("unsigned", "centred", "signed")
_FLOATS = ("F8_E4M3",)


def choose_engine(coding: Coding, elements: int, *, zero: bool, offset: bool) -> Engine:
    """The faster engine for so many elements, with a `Scaling.zero` or `Scaling.offset` or without."""
    if not _compilable(coding):
        return "numpy"
    name, *variant = _kernel(coding, zero, offset)
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
    room = floats_on_lines(
        min(len(raw), max(TILE if sums is not None else 1, ROOM_BYTES // (4 * width))), width
    )
    asked = _asked(coding, raw, scaling, room)
    special = np.empty(len(raw), dtype=np.uint8)
    _, *variant = _kernel(coding, scaling.zero is not None, scaling.offset is not None)
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
        and (coding.levels in _INTEGERS or (scaling.zero is None and _moderate(scaling.scale)))
    )


def fits_scan(coding: Coding, scaling: Scaling, width: int) -> bool:
    """Whether `scan_decoded` knows such rows."""
    return fits(coding, scaling, width) and (scaling.group % VECTOR == 0 or scaling.scale.shape[1] == 1)


def _moderate(scale: Numbers) -> bool:
    """Whether no scale is so large that it overflows when the kernel takes a float's bias into it."""
    if scale.dtype == np.float16:
        return True
    size = np.abs(widen(scale))
    return not bool(((size >= LARGEST_SCALE) & (size < np.inf)).any())


def prepare(coding: Coding, *, zero: bool, offset: bool) -> None:
    """Make the compiled kernel ready in this thread."""
    if _compilable(coding):
        name, *variant = _kernel(coding, zero, offset)
        for kernel in (name, "scan_decoded"):
            machine_code.kernel(kernel, *variant)


def _part(scaling: Scaling, start: int, stop: int) -> Scaling:
    def cut(numbers: Numbers | None) -> Numbers | None:
        return numbers if numbers is None or len(numbers) == 1 else numbers[start:stop]

    scale = cut(scaling.scale)
    assert scale is not None
    zero, offset = cut(scaling.zero), cut(scaling.offset)
    return Scaling(scaling.group, scale, zero, offset, scaling.columns, scaling.factor)


def _decode_compiled(coding: Coding, raw: NDArray[np.uint8], scaling: Scaling, out: Singles) -> None:
    assert out.flags.c_contiguous
    asked = _asked(coding, raw, scaling, out)
    machine_code.kernel(*_kernel(coding, scaling.zero is not None, scaling.offset is not None))(asked)


def _asked(coding: Coding, raw: NDArray[np.uint8], scaling: Scaling, room: Singles) -> Decoding:
    """The rows `raw`, to be decoded into `room`, float32 (rows at a time, width)."""
    width = room.shape[1]
    if raw.strides[1] != 1:
        raw = np.ascontiguousarray(raw)
    assert raw.shape[1] >= row_bytes(coding, width)
    groups = scaling.scale.shape[1]
    shift, flip = _shift(coding, scaling)
    return Decoding(
        raw,
        len(raw),
        raw.strides[0],
        width,
        *_side(scaling.scale),
        *_side(shift),
        int(shift.shape[1] > 1),
        np.empty(2 * groups * len(room), dtype=np.float32),
        width if groups == 1 else scaling.group,
        groups,
        flip,
        len(room),
        room.view(np.uint8),
        np.zeros(1, dtype=np.uint8),
    )


def _side(numbers: Numbers) -> tuple[NDArray[np.uint8], int, int]:
    """Numbers beside the rows as the kernels take them: their bytes, which of `KINDS`, bytes of a row."""
    numbers = np.ascontiguousarray(numbers)
    return numbers, KINDS.index(numbers.dtype), numbers.strides[0] if len(numbers) > 1 else 0


def _shift(coding: Coding, scaling: Scaling) -> tuple[Numbers, int]:
    """What is added to the scaled level, or subtracted from the stored integer; and the bits to flip in that
    integer, so that it is not negative."""
    flip = _base(coding) if coding.levels == "signed" else 0
    if scaling.offset is not None:
        assert coding.levels == "unsigned"
        return scaling.offset, 0
    zero = np.zeros((1, 1), dtype=np.float32) if scaling.zero is None else widen(scaling.zero)
    return zero + np.float32(_base(coding)), flip


def _kernel(coding: Coding, zero: bool, offset: bool) -> tuple[str, str, str, str]:
    """Name and variant of the kernel. Bytes that are signed need neither a base nor bits turned over."""
    levels = "integer" if coding.levels in _INTEGERS and not _plain(coding) else coding.levels
    shift = "offset" if offset else "zero" if zero or _base(coding) else "none"
    return "decode", levels, str(coding.bits), shift


def _plain(coding: Coding) -> bool:
    return coding.levels == "signed" and coding.bits == 8


def _base(coding: Coding) -> int:
    """What is subtracted from the stored integer, read without a sign, to have its level."""
    return 0 if coding.levels not in ("centred", "signed") or _plain(coding) else 1 << (coding.bits - 1)


def _compilable(coding: Coding) -> bool:
    known = (coding.levels in _INTEGERS and coding.bits in (2, 3, 4, 5, 6, 8)) or coding.levels in _FLOATS
    return known and coding.order == "stream" and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
