"""torchao: tensors of a subclass, flattened; the class and its attributes stand in the file's `__metadata__`.

Layouts: pytorch/ao, `prototype/safetensors/safetensors_support.py` and `quantization/quantize_/workflows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed, Part, seen_as
from rowscope.inspector.matrices.packed.scaled import spread_of
from rowscope.inspector.matrices.packed.shapes import refused
from rowscope.inspector.storage import decode_json
from rowscope.kernels.decode.coding import Coding

_WHOLE: Final = {
    "Int8Tensor": ("INT8", ("I8",)),
    "IntxUnpackedToInt8Tensor": ("INT", ("I8",)),
    "Float8Tensor": ("FP8", ("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ")),
}
"""Classes that keep an element a byte, and the dtypes of their elements."""


def read_torchao(beside: Beside) -> Packed | None:
    """A table that torchao flattened."""
    if beside.suffix != "._weight_qdata":
        return None
    kind, data = _described(beside)
    rows = beside.main.shape[0] if beside.main.shape else 0
    bare = Packed("torchao", f"torchao {kind or 'tensor of a class not named'}", 0, rows, beside.width or 0)
    scale, zero = beside.side("._weight_scale"), beside.side("._weight_zero_point")
    if kind not in _WHOLE and kind != "Int4Tensor":
        return refused(bare, f"{beside.main.name!r} is a {bare.label}, which rowscope does not decode")
    if scale is None or len(beside.main.shape) != 2:
        return refused(bare, f"{beside.main.name!r}: {beside.stem}._weight_scale is missing")
    if beside.side("._weight_act_pre_scale") is not None:
        return refused(bare, f"{beside.main.name!r} is scaled by its inputs' scale as well (act_pre_scale)")
    if kind == "Int4Tensor":
        return _int4(beside, bare)
    word, dtypes = _WHOLE[kind]
    if beside.main.dtype not in dtypes:
        return refused(bare, f"{beside.main.name!r} holds {beside.main.dtype} elements, not {dtypes[0]}")
    width = beside.main.shape[1]
    found = spread_of(beside, scale, rows, width)
    below = None if zero is None else spread_of(beside, zero, rows, width)
    if found is None or (zero is not None and below is None):
        odd = scale if found is None or zero is None else zero
        return refused(bare, f"{odd.name!r} has the shape {list(odd.shape)}, no scale of {rows} x {width}")
    bits = _target_bits(data) if kind == "IntxUnpackedToInt8Tensor" else 8
    return Packed(
        format=f"torchao-{word.lower()}{bits if word == 'INT' else ''}",
        label=f"torchao {kind}",
        bits=bits,
        group=found[1],
        rows=rows,
        width=width,
        coding=Coding(8, "signed" if beside.main.dtype == "I8" else beside.main.dtype),
        codes=Part(seen_as(beside.main, beside.main.shape, "U8")),
        scale=(("*", found[0]),),
        zero=None if below is None else below[0],
        scale_shape=scale.shape,
    )


def _int4(beside: Beside, bare: Packed) -> Packed:
    """Two elements a byte, lower half first; scales and zeros transposed; `q * scale + zero`."""
    scale, zero = beside.side("._weight_scale"), beside.side("._weight_zero_point")
    rows, width = beside.main.shape[0], 2 * beside.main.shape[1]
    if scale is None or zero is None or scale.shape != zero.shape or len(scale.shape) != 2:
        return refused(bare, f"{beside.main.name!r}: scales and zero points are missing or of two shapes")
    if not scale.shape[0] or width % scale.shape[0] or scale.shape[1] != rows:
        return refused(
            bare, f"{scale.name!r} has the shape {list(scale.shape)}, no scale of {rows} x {width}"
        )
    return Packed(
        format="torchao-int4",
        label="torchao Int4Tensor",
        bits=4,
        group=width // scale.shape[0],
        rows=rows,
        width=width,
        coding=Coding(4, "signed"),
        codes=Part(seen_as(beside.main, beside.main.shape, "U8")),
        scale=(("*", Part(scale, "columns")),),
        offset=Part(zero, "columns"),
        scale_shape=scale.shape,
    )


def _described(beside: Beside) -> tuple[str | None, Mapping[str, Any]]:
    """Class and attributes of the table, as the metadata says."""
    try:
        found = decode_json(beside.metadata.get(f"{beside.stem}.weight", "null"))
    except (ValueError, RecursionError):
        return None, {}
    if not isinstance(found, dict) or not isinstance(found.get("_type"), str):
        return None, {}
    data = found.get("_data")
    return found["_type"], data if isinstance(data, dict) else {}


def _target_bits(data: Mapping[str, Any]) -> int:
    """Bits of `target_dtype`, `int4`: fewer than the byte that holds an element."""
    target = data.get("target_dtype")
    name = target.get("_data") if isinstance(target, dict) else None
    digits = name.removeprefix("uint").removeprefix("int") if isinstance(name, str) else ""
    return int(digits) if digits in ("1", "2", "3", "4", "5", "6", "7", "8") else 8
