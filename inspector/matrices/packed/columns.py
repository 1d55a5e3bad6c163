"""Heads packed along their input, so that a row of the table is a column of the tensor: GPTQ, AutoRound, AWQ.

Layouts: AutoGPTQ, `nn_modules/qlinear/qlinear_cuda_old.py`; casper-hansen/AutoAWQ,
`awq/utils/packing_utils.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed, Part
from rowscope.inspector.matrices.packed.scaled import columns_of_group
from rowscope.inspector.matrices.packed.shapes import refused
from rowscope.inspector.text import say
from rowscope.kernels.decode.coding import Coding

_WORD: Final = 32
_AWQ_BITS: Final = 4
_GPTQ_BITS: Final = (2, 3, 4, 8)
_VERSIONS: Final = {"gptq": 1, "gptq_v2": 2}
_FIRST: Final = ("gptq", "auto-round", "intel/auto-round")
"""Values of `quant_method` whose default is the first version."""


def read_gptq(beside: Beside) -> Packed | None:
    """`qweight`, `qzeros`, `scales` and, where the columns are reordered, `g_idx`."""
    if beside.suffix != ".qweight" or len(beside.main.shape) != 2:
        return None
    zeros, scales = beside.side(".qzeros"), beside.side(".scales")
    bare = Packed("gptq", "GPTQ or AWQ", 0, beside.main.shape[1], beside.width or 0)
    if (
        zeros is None
        or scales is None
        or len(scales.shape) != 2
        or len(zeros.shape) != 2
        or 0 in scales.shape
    ):
        return refused(bare, f"{beside.main.name!r}: qzeros or scales are missing or no matrices")
    bare = replace(bare, scale_shape=scales.shape)
    if beside.main.dtype not in ("I32", "U32") or zeros.dtype not in ("I32", "U32"):
        return refused(bare, f"{beside.main.name!r} holds {beside.main.dtype} elements, not words of 32 bits")
    if beside.main.shape[1] == scales.shape[1]:
        return _gptq(beside, zeros, scales, bare)
    return _awq(beside, zeros, scales, bare)


def _gptq(beside: Beside, zeros: TensorRef, scales: TensorRef, bare: Packed) -> Packed:
    rows, groups = scales.shape[1], scales.shape[0]
    words, order = beside.main.shape[0] * _WORD, beside.side(".g_idx")
    possible = [b for b in _GPTQ_BITS if -(-rows * b // _WORD) == zeros.shape[1] and words % b == 0]
    bits, said = _bits(beside, possible, words, order), beside.number("bits")
    if not possible:
        return refused(bare, f"{zeros.name!r} has the shape {list(zeros.shape)}, no zeros of {rows} rows")
    if bits is None:
        choice = " or ".join(map(str, possible))
        return refused(bare, f"{beside.main.name!r} may hold {choice} bits, and nothing tells which")
    width = words // bits
    group = columns_of_group(beside, width, groups) or (None if order is None else -(-width // groups))
    if group is None:
        return refused(bare, f"{groups} groups do not divide the {width} columns of {beside.main.name!r}")
    if order is None and beside.setting("desc_act") is True:
        return refused(
            bare, f"the config says that columns are reordered, and {beside.stem}.g_idx is missing"
        )
    version = _version(beside)
    if version is None:
        return refused(
            bare,
            f"nothing tells whether {zeros.name!r} holds zeros less one (GPTQ version 1) or as they are; the "
            'config has no checkpoint_format, "gptq" or "gptq_v2", in its quantization_config',
        )
    second = version == 2
    note = say(
        "{tensor}: the config says {said} bits, the shapes {bits}; the shapes were taken",
        tensor=beside.stem,
        said=said,
        bits=bits,
    )
    return Packed(
        format="gptq-v2" if second else "gptq",
        label=f"GPTQ {bits} bit",
        bits=bits,
        group=group,
        rows=rows,
        width=width,
        coding=Coding(bits, "unsigned"),
        codes=Part(beside.main, "columns"),
        scale=(("*", Part(scales, "columns")),),
        zero=Part(zeros, "across", bits=bits, less=0 if second else -1),
        columns=order,
        scale_shape=scales.shape,
        notes=(note,) if said is not None and said != bits else (),
    )


def _bits(beside: Beside, possible: list[int], words: int, order: TensorRef | None) -> int | None:
    """Bits of those that the zeros allow: those which make the width known, by the order of columns or from
    elsewhere, else those of the config, else the only ones; None where several are left."""
    width = order.shape[0] if order is not None and len(order.shape) == 1 else beside.width
    fits = [bits for bits in possible if words == bits * (width or 0)] or possible
    left = fits if len(fits) == 1 else [bits for bits in fits if bits == beside.number("bits")]
    return left[0] if len(left) == 1 else None


def _version(beside: Beside) -> int | None:
    """1 where zeros are stored less one, as AutoGPTQ packs them; 2 where they are stored as they are. The
    config of a writer of the first need not name the format."""
    said, method = beside.setting("checkpoint_format"), beside.setting("quant_method")
    if said is not None:
        return _VERSIONS.get(said) if isinstance(said, str) else None
    if method is None:
        return 1 if beside.setting("desc_act") is not None else None  # AutoGPTQ before it said its name
    return 1 if method in _FIRST else None


def _awq(beside: Beside, zeros: TensorRef, scales: TensorRef, bare: Packed) -> Packed:
    rows, groups = scales.shape[1], scales.shape[0]
    width, words = beside.main.shape
    group = columns_of_group(beside, width, groups)
    if words * _WORD != rows * _AWQ_BITS or zeros.shape != (groups, words) or group is None:
        return refused(
            bare,
            f"{beside.main.name!r} {list(beside.main.shape)}, {zeros.name!r} {list(zeros.shape)} and "
            f"{scales.name!r} {list(scales.shape)} are shapes of neither GPTQ nor AWQ",
        )
    return Packed(
        format="awq",
        label="AWQ 4 bit",
        bits=_AWQ_BITS,
        group=group,
        rows=rows,
        width=width,
        coding=Coding(8, "unsigned"),  # as the reader of this order gives them
        codes=Part(beside.main, "awq", bits=_AWQ_BITS),
        scale=(("*", Part(scales, "columns")),),
        zero=Part(zeros, "awq", bits=_AWQ_BITS),
        scale_shape=scales.shape,
    )
