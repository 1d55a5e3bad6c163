"""New rows of a quantised table, in the table's own format: where each row has its scales for itself."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.claim.values.encode import WRITABLE, encode
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.matrices import Packed, Part
from rowscope.inspector.rows import part_rows, part_values
from rowscope.kernels.decode.codes import level_table, pack_codes, unpack_codes
from rowscope.kernels.decode.scaling import Scaling, scale_levels

Bytes = NDArray[np.uint8]
Singles = NDArray[np.float32]

_KEEP: Final = "claim in the checkpoint it was quantised from, or use --values keep"


def require_own_scales(packed: Packed, where: str) -> None:
    """Refuse a table in which a row cannot be written without changing others.

    Raises:
        RefusedError: rows share scales or stored values, or scales are of a kind that is not written.
    """
    shared = next((part for part in _all_parts(packed) if part.spread != "row"), None)
    if shared is not None or packed.mapping is not None or packed.columns is not None:
        of = shared.ref.name if shared is not None else where
        raise RefusedError(
            f"{where!r} is quantised ({packed.label}): rows do not lie by themselves in {of!r}; {_KEEP}",
            location=where,
        )
    odd = next((part for _, part in packed.scale if part.ref.dtype not in WRITABLE), None)
    narrower = packed.coding is not None and packed.coding.bits != packed.bits  # than what holds an element
    if packed.coding is None or packed.table is not None or len(packed.scale) != 1 or odd or narrower:
        raise RefusedError(
            f"{where!r} is quantised ({packed.label}), in which new rows are not written; {_KEEP}",
            location=where,
        )


def _all_parts(packed: Packed) -> list[Part]:
    parts = [packed.codes, *(part for _, part in packed.scale), packed.zero, packed.offset]
    return [part for part in parts if part is not None]


def row_parts(packed: Packed) -> tuple[Part, ...]:
    """The tensors in which a row of the table has bytes of its own, codes first."""
    return tuple(_all_parts(packed))


def stored_rows(packed: Packed, ids: NDArray[np.int64]) -> Bytes:
    """All stored bytes of rows, those of `row_parts` one behind the other, uint8 [n, bytes]."""
    return np.concatenate([part_rows(part, ids) for part in row_parts(packed)], axis=1)


def split_rows(packed: Packed, raw: Bytes) -> list[Bytes]:
    """What of `raw`, as `stored_rows` gives it, belongs to each of `row_parts`."""
    sizes = [part.ref.nbytes // part.ref.shape[0] for part in row_parts(packed)]
    return np.split(raw, np.cumsum(sizes)[:-1], axis=1)


def decode_rows(packed: Packed, raw: Bytes) -> Singles:
    """Values of rows in their stored bytes, float32 [n, width]."""
    assert packed.coding is not None
    codes, *others = split_rows(packed, raw)
    numbers = [
        part_values(part.ref.dtype, some) for part, some in zip(row_parts(packed)[1:], others, strict=True)
    ]
    scale, rest = numbers[0], iter(numbers[1:])
    scaling = Scaling(
        group=packed.group or packed.width,
        scale=scale,
        zero=next(rest) if packed.zero is not None else None,
        offset=next(rest) if packed.offset is not None else None,
        factor=packed.factor,
    )
    return scale_levels(level_table(packed.coding)[unpack_codes(packed.coding, codes, packed.width)], scaling)


def encode_packed(values: NDArray[np.float64], packed: Packed, where: str) -> Bytes:
    """Stored bytes of new rows [n, width], as `stored_rows` gives them: scales that just span each group, in
    the dtype of the table's scales, and the nearest level for each element.

    Raises:
        RefusedError: see `require_own_scales`; or a scale that does not fit its dtype.
    """
    require_own_scales(packed, where)
    assert packed.coding is not None
    group = packed.group or packed.width
    levels = level_table(packed.coding).astype(np.float64)
    low, high = _extremes(values, group)
    bare = Scaling(group, np.ones((1, 1), np.float32))
    if packed.offset is not None:
        lift = _rounded(low, packed.offset, where)
        span = (high - lift[1]) / (np.nanmax(levels) - np.nanmin(levels))
        bare = dataclasses.replace(bare, offset=lift[1].astype(np.float32))
    else:
        lift = None
        span = np.maximum(np.abs(low), np.abs(high)) / (np.nanmax(levels) * packed.factor)
    scale = _rounded(np.where(span > 0, span, 1.0), packed.scale[0][1], where)
    codes = _nearest(values, levels, scale[1] * packed.factor, None if lift is None else lift[1], group)
    assert packed.codes is not None
    stored = packed.codes.ref.nbytes // packed.codes.ref.shape[0]
    found = [pack_codes(packed.coding, codes, stored), scale[0]]
    if packed.zero is not None:
        size = packed.zero.ref.nbytes // packed.zero.ref.shape[0]
        found.append(np.zeros((len(values), size), dtype=np.uint8))
    return np.concatenate([*found, *([lift[0]] if lift is not None else [])], axis=1)


def _extremes(values: NDArray[np.float64], group: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and greatest value of each group, [n, groups] each."""
    starts = np.arange(0, values.shape[1], group)
    return np.minimum.reduceat(values, starts, axis=1), np.maximum.reduceat(values, starts, axis=1)


def _rounded(numbers: NDArray[np.float64], part: Part, where: str) -> tuple[Bytes, NDArray[np.float64]]:
    """Numbers in a part's dtype: their bytes, and what these stand for."""
    raw = encode(numbers, part.ref.dtype, where)
    return raw, part_values(part.ref.dtype, raw).astype(np.float64)


def _nearest(
    values: NDArray[np.float64],
    levels: NDArray[np.float64],
    scale: NDArray[np.float64],
    lift: NDArray[np.float64] | None,
    group: int,
) -> Bytes:
    """The code of the nearest level of each element, uint8 [n, width]; of two as near the lower."""
    width = values.shape[1]

    def spread(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(numbers, group, axis=1)[:, :width]

    wanted = (values if lift is None else values - spread(lift)) / spread(scale)
    order = np.argsort(levels, kind="stable")
    order = order[np.isfinite(levels[order])]
    between = (levels[order][1:] + levels[order][:-1]) / 2
    return order[np.searchsorted(between, wanted)].astype(np.uint8)
