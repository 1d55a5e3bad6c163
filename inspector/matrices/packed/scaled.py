"""Whole elements with a scale beside them: FP8 and INT8 by tensor, by row, by group, by block.

Writers: compressed-tensors (`naive_quantized`), transformers (`integrations/finegrained_fp8.py`; the name
`weight_scale_inv` notwithstanding, it is multiplied with, see llama.cpp's converter), ModelOpt, DeepSeek.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed, Part, seen_as
from rowscope.inspector.matrices.packed.shapes import refused
from rowscope.kernels.decode.coding import Coding

_LEVELS: Final = {
    "I8": ("INT8", "signed", 8),
    **{name: ("FP8", name, 8) for name in ("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ")},
    **{name: ("FP6", name, 6) for name in ("F6_E2M3", "F6_E3M2")},
    "F4": ("FP4", "F4", 4),
}
_SCALES: Final = (".weight_scale", ".weight_scale_inv", ".scale_weight", ".scale")
_BLOCK: Final = 128
"""Rows and columns of a block where the config does not say: the only size that its writers use."""


def read_scaled(beside: Beside) -> Packed | None:
    """FP8 or INT8 elements, or smaller floats of a dtype of their own, with a scale tensor beside them."""
    kind = _LEVELS.get(beside.main.dtype)
    scale = next((ref for name in _SCALES if (ref := beside.side(name)) is not None), None)
    if beside.suffix != ".weight" or kind is None or scale is None or len(beside.main.shape) != 2:
        return None
    word, levels, bits = kind
    rows, width = beside.main.shape
    zero, form = beside.side(".weight_zero_point"), word.lower()
    bare = Packed(form, word, bits, rows, width, scale_shape=scale.shape)
    if width * bits % 8:
        return refused(bare, f"rows of {width} elements of {beside.main.name!r} do not end on a byte")
    found = spread_of(beside, scale, rows, width)
    below = None if zero is None else spread_of(beside, zero, rows, width)
    if found is None or (zero is not None and below is None):
        odd = scale if found is None or zero is None else zero
        return refused(
            bare, f"{odd.name!r} has the shape {list(odd.shape)}, no scale of {rows} x {width} ({word})"
        )
    if zero is None and levels == "signed" and beside.setting("symmetric") is False:
        return refused(bare, f"the config says asymmetric, and {beside.stem}.weight_zero_point is missing")
    part, group, by = found
    return Packed(
        format=f"{form}-{by}",
        label=f"{word} by {by}",
        bits=bits,
        group=group,
        rows=rows,
        width=width,
        coding=Coding(bits, levels),
        codes=Part(seen_as(beside.main, (rows, width * bits // 8), "U8")),
        scale=(("*", part),),
        zero=None if below is None else below[0],
        columns=None if group is None else beside.side(".weight_g_idx"),
        scale_shape=scale.shape,
    )


def spread_of(beside: Beside, scale: TensorRef, rows: int, width: int) -> tuple[Part, int | None, str] | None:
    """How scales of a shape spread over a table: the part, columns of a group, and `tensor`, `row`, `group`
    or `block`; None where the shape fits nothing."""
    shape = scale.shape
    dtype = "F8_E8M0" if scale.dtype == "U8" and beside.main.dtype.startswith("F") else scale.dtype
    if all(size == 1 for size in shape):
        if rows == 1:
            return Part(seen_as(scale, (1, 1), dtype)), None, "row"
        return Part(seen_as(scale, (1, 1), dtype), "shared"), None, "tensor"
    if shape in ((rows,), (rows, 1)):
        return Part(seen_as(scale, (rows, 1), dtype)), None, "row"
    if len(shape) != 2:
        return None
    for height, size in _blocks(beside):
        if shape == (-(-rows // height), -(-width // size)):
            return Part(seen_as(scale, shape, dtype), "block", height), size, "block"
    group = columns_of_group(beside, width, shape[1])
    if shape[0] == rows and group is not None:
        return Part(seen_as(scale, shape, dtype)), group, "group"
    return None


def columns_of_group(beside: Beside, width: int, groups: int) -> int | None:
    """Columns of a group, of which the last may have fewer where the config says so; None for no number."""
    said = beside.number("group_size", "q_group_size")
    if said is not None and groups == -(-width // said):
        return said
    return width // groups if groups and width % groups == 0 else None


def _blocks(beside: Beside) -> Iterator[tuple[int, int]]:
    """Sizes of a block, rows and columns: what the config says, then the usual one."""
    said = beside.setting("weight_block_size", "block_structure")
    if isinstance(said, list) and len(said) == 2 and all(isinstance(n, int) and n > 0 for n in said):
        yield said[0], said[1]
    yield _BLOCK, _BLOCK
