"""compressed-tensors: `X.weight_packed`, integers as a bit stream over each row, or FP4 in halves of bytes.

Layouts: vllm-project/compressed-tensors, `compressors/pack_quantized`, `nvfp4`, `mxfp4`.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed, Part, in_bytes, seen_as
from rowscope.inspector.matrices.packed.scaled import spread_of
from rowscope.inspector.matrices.packed.shapes import refused
from rowscope.kernels.decode.coding import Coding

_WORD: Final = 32


def read_compressed(beside: Beside) -> Packed | None:
    """Tables of compressed-tensors that are packed."""
    if beside.suffix != ".weight_packed" or len(beside.main.shape) != 2:
        return None
    scale = beside.side(".weight_scale")
    if scale is None:
        bare = Packed("pack-quantized", "compressed-tensors", 0, beside.main.shape[0], beside.width or 0)
        return refused(bare, f"{beside.main.name!r} has no scales: {beside.stem}.weight_scale is missing")
    return _floats(beside, scale) if beside.main.dtype == "U8" else _integers(beside, scale)


def _integers(beside: Beside, scale: TensorRef) -> Packed:
    rows, words = beside.main.shape
    bare = Packed("pack-quantized", "pack-quantized", 0, rows, beside.width or 0, scale_shape=scale.shape)
    size = _size(beside)
    width = size[1] if size is not None else beside.width
    if width is None or width < 1:
        return refused(bare, f"nothing tells how wide the rows of {beside.main.name!r} are")
    if size is not None and size[0] != rows:
        return refused(bare, f"{beside.main.name!r} has {rows} rows, its weight_shape says {size[0]}")
    bits, note = _bits(beside, width, words)
    if bits is None:
        return refused(bare, f"no number of bits packs {width} elements into the {words} words of a row")
    found = spread_of(beside, scale, rows, width)
    if found is None:
        return refused(
            bare, f"{scale.name!r} has the shape {list(scale.shape)}, no scale of {rows} x {width}"
        )
    part, group, by = found
    columns, zero = beside.side(".weight_g_idx"), beside.side(".weight_zero_point")
    return Packed(
        format="pack-quantized",
        label=f"pack-quantized {bits} bit by {by}",
        bits=bits,
        group=group,
        rows=rows,
        width=width,
        coding=Coding(bits, "centred"),
        codes=Part(in_bytes(beside.main)),
        scale=(("*", part),),
        zero=None if zero is None else Part(zero, "down", bits=bits, less=1 << (bits - 1)),
        columns=columns if group is not None else None,
        scale_shape=scale.shape,
        notes=note,
    )


def _size(beside: Beside) -> tuple[int, int] | None:
    """Rows and columns that `weight_shape` states."""
    ref = beside.side(".weight_shape")
    if ref is None or ref.shape != (2,) or ref.dtype not in ("I64", "I32"):
        return None
    raw = beside.small(ref)
    return None if raw is None else struct.unpack("<2q" if ref.dtype == "I64" else "<2i", raw)


def _bits(beside: Beside, width: int, words: int) -> tuple[int | None, tuple[str, ...]]:
    possible = [bits for bits in range(1, 9) if -(-width * bits // _WORD) == words]
    said = _said_bits(beside)
    if not possible:
        return None, ()
    if said in possible or said is None:
        return (said if said in possible else possible[-1]), ()
    note = f"{beside.stem}: the config says {said} bits, the shapes {possible[-1]}; the shapes were taken"
    return possible[-1], (note,)


def _said_bits(beside: Beside) -> int | None:
    """Bits of the weights, where all groups of the config agree."""
    groups: Any = beside.setting("config_groups")
    if not isinstance(groups, dict):
        return None
    said = {
        group["weights"].get("num_bits")
        for group in groups.values()
        if isinstance(group, dict) and isinstance(group.get("weights"), dict)
    }
    bits = said.pop() if len(said) == 1 else None
    return bits if isinstance(bits, int) else None


def _floats(beside: Beside, scale: TensorRef) -> Packed:
    rows, width = beside.main.shape[0], 2 * beside.main.shape[1]
    overall = beside.side(".weight_global_scale")
    form = "nvfp4" if overall is not None else "mxfp4"
    bare = Packed(form, form, 4, rows, width, scale_shape=scale.shape)
    if len(scale.shape) != 2 or not scale.shape[1] or width % scale.shape[1]:
        return refused(
            bare, f"{scale.name!r} has the shape {list(scale.shape)}, no scale of {rows} x {width}"
        )
    if overall is None and scale.dtype not in ("U8", "F8_E8M0"):
        return refused(bare, f"{beside.main.name!r}: {beside.stem}.weight_global_scale is missing")
    dtype = "F8_E8M0" if scale.dtype == "U8" else scale.dtype
    factors = [("*", Part(seen_as(scale, scale.shape, dtype)))]
    if overall is not None:
        factors.append(("/", Part(seen_as(overall, (1, 1)), "shared")))
    return Packed(
        format=form,
        label=f"{form} (compressed-tensors)",
        bits=4,
        group=width // scale.shape[1],
        rows=rows,
        width=width,
        coding=Coding(4, "F4"),
        codes=Part(beside.main),
        scale=tuple(factors),  # type: ignore[arg-type]
        scale_shape=scale.shape,
    )
