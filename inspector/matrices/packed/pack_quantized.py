"""compressed-tensors: `X.weight_packed`, integers as a bit stream over each row, or FP4 and FP6 as one.

Layouts: vllm-project/compressed-tensors, `compressors/pack_quantized`, `nvfp4`, `mxfp4`,
`mxfp6`.
"""

from __future__ import annotations

from typing import Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed, Part, in_bytes, seen_as
from rowscope.inspector.matrices.packed.scaled import spread_of
from rowscope.inspector.matrices.packed.shapes import refused, two_numbers
from rowscope.inspector.text import say
from rowscope.kernels.decode.coding import Coding

_WORD: Final = 32
_MX_GROUP: Final = 32
_NV_GROUP: Final = 16
_LEVELS: Final = {4: "F4", 6: "F6_E2M3"}
"""Floats that are packed, by their bits."""


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
    columns, below = beside.side(".weight_g_idx"), beside.side(".weight_zero_point")
    if below is None and beside.setting("symmetric") is False:
        return refused(bare, f"the config says asymmetric, and {beside.stem}.weight_zero_point is missing")
    zero = None if below is None else _zero(beside, below, bits, rows, width)
    if below is not None and zero is None:
        return refused(
            bare, f"{below.name!r} has the shape {list(below.shape)}, no zero points of {rows} x {width}"
        )
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
        zero=zero,
        columns=columns if group is not None else None,
        scale_shape=scale.shape,
        notes=note,
    )


def _zero(beside: Beside, ref: TensorRef, bits: int, rows: int, width: int) -> Part | None:
    """Zero points: packed down the rows, or a byte each where all rows share one."""
    if ref.dtype == "I32" and len(ref.shape) == 2:
        return Part(ref, "down", bits=bits, less=1 << (bits - 1))
    found = spread_of(beside, ref, rows, width) if ref.dtype == "I8" else None
    return None if found is None else found[0]


def _size(beside: Beside) -> tuple[int, int] | None:
    """Rows and columns that `weight_shape` states."""
    ref = beside.side(".weight_shape")
    return None if ref is None else two_numbers(ref, beside.small(ref))


def _bits(beside: Beside, width: int, words: int) -> tuple[int | None, tuple[str, ...]]:
    possible = [bits for bits in range(1, 9) if -(-width * bits // _WORD) == words]
    said = beside.number("num_bits")
    if not possible or (said not in possible and len(possible) > 1):
        return None, ()
    if said in possible or said is None:
        return (said if said in possible else possible[-1]), ()
    note = say(
        "{tensor}: the config says {said} bits, the shapes {bits}; the shapes were taken",
        tensor=beside.stem,
        said=said,
        bits=possible[-1],
    )
    return possible[-1], (note,)


def _floats(beside: Beside, scale: TensorRef) -> Packed:
    rows, stored = beside.main.shape
    overall = beside.side(".weight_global_scale")
    group = _MX_GROUP if overall is None else _NV_GROUP
    width = group * scale.shape[-1] if scale.shape else 0
    bits = 8 * stored // width if width and 8 * stored % width == 0 else 0
    form = "nvfp4" if overall is not None else f"mxfp{bits}"
    bare = Packed(form, form, bits, rows, width, scale_shape=scale.shape)
    if len(scale.shape) != 2 or bits not in (_LEVELS if overall is None else (4,)):
        return refused(
            bare,
            f"{scale.name!r} has the shape {list(scale.shape)}, no scales of groups of {group} elements in "
            f"rows of {stored} bytes",
        )
    if overall is not None and any(size != 1 for size in overall.shape):
        return refused(bare, f"{overall.name!r} has the shape {list(overall.shape)}, not one number")
    if overall is None and scale.dtype not in ("U8", "F8_E8M0"):
        return refused(bare, f"{beside.main.name!r}: {beside.stem}.weight_global_scale is missing")
    dtype = "F8_E8M0" if scale.dtype == "U8" else scale.dtype
    factors = [("*", Part(seen_as(scale, scale.shape, dtype)))]
    if overall is not None:
        factors.append(("/", Part(seen_as(overall, (1, 1)), "shared")))
    return Packed(
        format=form,
        label=f"{form} (compressed-tensors)",
        bits=bits,
        group=group,
        rows=rows,
        width=width,
        coding=Coding(bits, _LEVELS[bits]),
        codes=Part(beside.main),
        scale=tuple(factors),  # type: ignore[arg-type]
        scale_shape=scale.shape,
    )
