"""Whole elements with a scale beside them: FP8 and INT8 by tensor, by row, by group, by block.

Writers: compressed-tensors (`naive_quantized`), transformers (`integrations/finegrained_fp8.py`; the name
`weight_scale_inv` notwithstanding, it is multiplied with, see llama.cpp's converter), ModelOpt, DeepSeek.
"""

from __future__ import annotations

from typing import Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed, Part, seen_as
from rowscope.inspector.matrices.packed.shapes import refused
from rowscope.kernels.decode.coding import Coding

_LEVELS: Final = {
    "I8": ("INT8", "signed"),
    **{name: ("FP8", name) for name in ("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ")},
}
_SCALES: Final = (".weight_scale", ".weight_scale_inv", ".scale_weight", ".scale")
_BLOCK: Final = 128
"""Rows and columns of a block where the config does not say: the only size that its writers use."""


def read_scaled(beside: Beside) -> Packed | None:
    """FP8 or INT8 elements with a scale tensor beside them."""
    kind = _LEVELS.get(beside.main.dtype)
    scale = next((ref for name in _SCALES if (ref := beside.side(name)) is not None), None)
    if beside.suffix != ".weight" or kind is None or scale is None or len(beside.main.shape) != 2:
        return None
    word, levels = kind
    return scaled_table(beside, word, levels, scale, beside.side(".weight_zero_point"))


def scaled_table(beside: Beside, word: str, levels: str, scale: TensorRef, zero: TensorRef | None) -> Packed:
    """A table of whole elements; how scales spread over it follows from their shape."""
    rows, width = beside.main.shape
    form = word.lower()
    bare = Packed(form, word, 8, rows, width, scale_shape=scale.shape)
    found = spread_of(beside, scale, rows, width)
    below = None if zero is None else spread_of(beside, zero, rows, width)
    if found is None or (zero is not None and below is None):
        odd = scale if found is None or zero is None else zero
        return refused(
            bare, f"{odd.name!r} has the shape {list(odd.shape)}, no scale of {rows} x {width} ({word})"
        )
    part, group, by = found
    return Packed(
        format=f"{form}-{by}",
        label=f"{word} by {by}",
        bits=8,
        group=group,
        rows=rows,
        width=width,
        coding=Coding(8, levels),
        codes=Part(seen_as(beside.main, (rows, width), "U8")),
        scale=(("*", part),),
        zero=None if below is None else below[0],
        scale_shape=scale.shape,
    )


def spread_of(beside: Beside, scale: TensorRef, rows: int, width: int) -> tuple[Part, int | None, str] | None:
    """How scales of a shape spread over a table: the part, columns of a group, and `tensor`, `row`, `group`
    or `block`; None where the shape fits nothing."""
    shape = scale.shape
    dtype = "F8_E8M0" if scale.dtype == "U8" and beside.main.dtype.startswith("F8") else scale.dtype
    if all(size == 1 for size in shape):
        if rows == 1:
            return Part(seen_as(scale, (1, 1), dtype)), None, "row"
        return Part(seen_as(scale, (1, 1), dtype), "shared"), None, "tensor"
    if shape in ((rows,), (rows, 1)):
        return Part(seen_as(scale, (rows, 1), dtype)), None, "row"
    if len(shape) != 2:
        return None
    height, size = _block(beside)
    if shape == (-(-rows // height), -(-width // size)):
        return Part(seen_as(scale, shape, dtype), "block", height), size, "block"
    if shape[0] == rows and width % shape[1] == 0:
        return Part(seen_as(scale, shape, dtype)), width // shape[1], "group"
    return None


def _block(beside: Beside) -> tuple[int, int]:
    said = beside.setting("weight_block_size", "block_structure")
    if isinstance(said, list) and len(said) == 2 and all(isinstance(n, int) and n > 0 for n in said):
        return said[0], said[1]
    return _BLOCK, _BLOCK
