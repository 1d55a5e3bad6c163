"""Formats whose elements share bytes of an unsigned tensor: Gemma's own, ModelOpt's NVFP4.

Layouts: transformers, `integrations/gemma_quant.py` (lower bits first, integers centred; one scale a row or
block of columns); NVIDIA/Model-Optimizer, `qtensor/nvfp4_tensor.py` (FP4 times two scales).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed, Part, seen_as
from rowscope.inspector.matrices.packed.shapes import refused
from rowscope.kernels.decode.coding import Coding

_NVFP4_GROUP: Final = 16


def read_gemma(beside: Beside) -> Packed | None:
    """Gemma's embedding (`embedding_quantized`) or linear layer (`weight` of bytes with a scale a row)."""
    if beside.suffix == ".embedding_quantized":
        scale = beside.side(".embedding_scale")
    elif beside.suffix == ".weight" and beside.main.dtype == "U8":
        scale = beside.side(".weight_scale") if beside.side(".weight_scale_2") is None else None
        if scale is not None and scale.dtype.startswith("F8"):
            return None
    else:
        return None
    if len(beside.main.shape) != 2 or beside.main.dtype not in ("U8", "I8"):
        return None
    rows, stored = beside.main.shape
    bare = Packed("gemma", "Gemma's integers", 0, rows, beside.width or 0)
    if scale is None:
        return (
            refused(bare, f"{beside.main.name!r} has no scales beside it")
            if beside.suffix != ".weight"
            else None
        )
    if len(scale.shape) != 2 or scale.shape[0] != rows or not scale.shape[1]:
        return refused(bare, f"{scale.name!r} has the shape {list(scale.shape)}, no scale of {rows} rows")
    found = (8, stored) if beside.main.dtype == "I8" else _bits_and_width(beside, stored)
    if found is None:
        return refused(bare, f"nothing tells whether {beside.main.name!r} holds 2 or 4 elements a byte")
    bits, width = found
    blocks = scale.shape[1]
    if width % blocks:
        return refused(bare, f"{blocks} scales do not divide the {width} columns of {beside.main.name!r}")
    return Packed(
        format=f"gemma-int{bits}",
        label=f"Gemma INT{bits}",
        bits=bits,
        group=None if blocks == 1 else width // blocks,
        rows=rows,
        width=width,
        coding=Coding(bits, "signed" if bits == 8 else "centred"),
        codes=Part(seen_as(beside.main, beside.main.shape, "U8")),
        scale=(("*", Part(scale)),),
        scale_shape=scale.shape,
    )


def _bits_and_width(beside: Beside, stored: int) -> tuple[int, int] | None:
    """4 or 2 bits, whichever makes the width that is known; else what the config says for the module."""
    for bits in (4, 2):
        if beside.width is not None and -(-beside.width * bits // 8) == stored:
            return bits, beside.width
    said = _said_bits(beside)
    return (said, stored * 8 // said) if said in (2, 4) and beside.width is None else None


def _said_bits(beside: Beside) -> int | None:
    own = beside.setting("module_quant_configs")
    for pattern, settings in own.items() if isinstance(own, Mapping) else ():
        try:
            meant = re.search(pattern, beside.stem) is not None
        except re.error:
            continue
        if meant and isinstance(settings, Mapping) and isinstance(settings.get("num_bits"), int):
            return int(settings["num_bits"])
    return beside.number("num_bits")


def read_modelopt(beside: Beside) -> Packed | None:
    """ModelOpt's NVFP4: bytes of two FP4 elements, E4M3 scales of 16 columns, one float32 scale."""
    scale, overall = beside.side(".weight_scale"), beside.side(".weight_scale_2")
    if beside.suffix != ".weight" or beside.main.dtype != "U8" or scale is None or overall is None:
        return None
    rows = beside.main.shape[0]
    width = 2 * beside.main.shape[1] if len(beside.main.shape) == 2 else 0
    bare = Packed("nvfp4-modelopt", "ModelOpt NVFP4", 4, rows, width, _NVFP4_GROUP, scale_shape=scale.shape)
    if len(scale.shape) != 2 or any(size != 1 for size in overall.shape):
        odd: TensorRef = scale if len(scale.shape) != 2 else overall
        return refused(bare, f"{odd.name!r} has the shape {list(odd.shape)}, no scale of {rows} x {width}")
    return Packed(
        format="nvfp4-modelopt",
        label="ModelOpt NVFP4",
        bits=4,
        group=_NVFP4_GROUP,
        rows=rows,
        width=width,
        coding=Coding(4, "F4"),
        codes=Part(beside.main),
        scale=(("*", Part(scale)), ("*", Part(seen_as(overall, (1, 1)), "shared"))),
        scale_shape=scale.shape,
    )
