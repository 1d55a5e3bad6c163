"""Whether the tensors of a packed table fit each other: one rule for all formats."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.packed.model import Packed, Part
from rowscope.kernels.decode.coding import row_bytes

_FLOATS: Final = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0")


def two_numbers(ref: TensorRef, raw: bytes | None) -> tuple[int, int] | None:
    """The shape of a matrix that is stored as a tensor of its own; None where it is none."""
    kind = {"I64": "<2q", "I32": "<2i"}.get(ref.dtype)
    return struct.unpack(kind, raw) if kind and raw is not None and ref.shape == (2,) else None


def refused(packed: Packed, why: str) -> Packed:
    """The table, not to be decoded for a reason."""
    return replace(packed, trouble=f"{why}; use the checkpoint it was quantised from")


def checked(packed: Packed, name: str) -> Packed:
    """The table as it is, or refused because its tensors disagree; `name` is the one recognised."""
    if packed.trouble is not None:
        return packed
    why = _sizes(packed, name) or _codes(packed) or _scales(packed)
    return packed if why is None else refused(packed, why)


def _sizes(packed: Packed, name: str) -> str | None:
    if packed.rows > 0 and packed.width > 0:
        return None
    return f"{name!r} ({packed.label}) decodes to {packed.rows} rows of {packed.width} elements"


def _codes(packed: Packed) -> str | None:
    assert packed.codes is not None
    apart = next((ref.name for ref in packed.tensors if ref.pieces), None)
    if apart is not None:
        return f"{apart!r} ({packed.label}) lies in pieces, which are not put together"
    if packed.coding is None:
        return None
    ref, spread = packed.codes.ref, packed.codes.spread
    if spread == "row" and packed.mapping is None and ref.shape[0] != packed.rows:
        return _misfit(ref, packed, f"{packed.rows} rows")
    if spread == "row" and ref.shape[1] < row_bytes(packed.coding, packed.width):
        return _misfit(ref, packed, f"rows of {packed.width} elements of {packed.bits} bits")
    return None


def _scales(packed: Packed) -> str | None:
    groups = 1 if packed.group is None else -(-packed.width // packed.group)
    parts = [part for _, part in packed.scale]
    parts += [part for part in (packed.zero, packed.offset) if part is not None]
    for part in parts:
        if part.spread not in ("down", "across", "awq", "nested") and not _is_number(part.ref, packed, part):
            return f"{part.ref.name!r} holds {part.ref.dtype} elements, which are no scales"
        if part.spread != "nested" and not _fits(part, packed, groups):
            return _misfit(part.ref, packed, f"{packed.rows} rows in {groups} groups of columns")
    if packed.columns is not None and packed.columns.shape != (packed.width,):
        return _misfit(packed.columns, packed, f"{packed.width} columns")
    return None


def _is_number(ref: TensorRef, packed: Packed, part: Part) -> bool:
    return ref.dtype in _FLOATS or (part is packed.zero and ref.dtype.startswith(("I", "U")))


def _fits(part: Part, packed: Packed, groups: int) -> bool:
    if len(part.ref.shape) != 2:
        return False
    rows, columns = part.ref.shape
    if part.spread == "shared":
        return (rows, columns) == (1, 1)
    if part.spread == "block":
        return rows == -(-packed.rows // part.every) and columns in (1, groups)
    if part.spread == "columns":
        return (rows, columns) == (groups, packed.rows)
    words = -(-packed.rows * part.bits // 32)
    if part.spread == "down":
        return (rows, columns) == (words, groups)
    if part.spread in ("across", "awq"):
        return (rows, columns) == (groups, words)
    return rows == packed.rows and columns in (1, groups)


def _misfit(ref: TensorRef, packed: Packed, wanted: str) -> str:
    return f"{ref.name!r} has the shape {list(ref.shape)}, which does not fit {wanted} ({packed.label})"
