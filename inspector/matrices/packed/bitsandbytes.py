"""bitsandbytes: NF4 and FP4 in blocks of the flattened table, perhaps with quantised statistics; int8.

Layouts: bitsandbytes, `functional.py` (`QuantState`, `dequantize_4bit`, `int8_vectorwise_dequant`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Nested, Packed, Part, seen_as
from rowscope.inspector.matrices.packed.shapes import refused
from rowscope.kernels.decode.coding import Coding

_KINDS: Final = ("nf4", "fp4")
_INT8_FACTOR: Final = 7.874015718698502e-3
"""1/127 as the library spells it; the scale of a row is its largest magnitude."""


def read_four_bit(beside: Beside) -> Packed | None:
    """NF4 and FP4."""
    states = {kind: beside.side(f".weight.quant_state.bitsandbytes__{kind}") for kind in _KINDS}
    kind = next((name for name, ref in states.items() if ref is not None), None)
    absmax, levels = beside.side(".weight.absmax"), beside.side(".weight.quant_map")
    if beside.suffix != ".weight" or kind is None:
        return None
    bare = Packed(
        f"bitsandbytes-{kind}", f"bitsandbytes {kind.upper()}", 4, beside.vocab or 0, beside.width or 0
    )
    ref = states[kind]
    state = beside.json(ref) if ref is not None else None
    shape = _shape(state)
    if state is None or shape is None:
        return refused(bare, f"{ref.name if ref else kind!r} is no JSON object with a shape of two numbers")
    rows, width = shape
    bare = replace(bare, rows=rows, width=width)
    if absmax is None or levels is None or levels.shape != (16,):
        return refused(bare, f"{beside.main.name!r}: absmax or a quant_map of 16 numbers is missing")
    block = state.get("blocksize")
    if not isinstance(block, int) or block < 1 or beside.main.nbytes * 2 != rows * width or width % 2:
        return refused(
            bare,
            f"{beside.main.name!r} has {beside.main.nbytes} bytes for {rows} x {width} elements of 4 bits",
        )
    if width % block and block % width:
        return refused(bare, f"blocks of {block} elements of {beside.main.name!r} run across rows of {width}")
    if absmax.shape != (-(-rows * width // block),):
        return refused(
            bare, f"{absmax.name!r} has {list(absmax.shape)} entries for blocks of {block} elements"
        )
    part = _statistics(beside, state, absmax, rows, width, block)
    if isinstance(part, str):
        return refused(bare, part)
    return replace(
        bare,
        group=block if block < width else None,
        coding=Coding(4, "unsigned", "high-first"),
        codes=Part(seen_as(beside.main, (rows, width // 2), "U8")),
        scale=(("*", part),),
        table=levels,
        scale_shape=absmax.shape,
    )


def _shape(state: Mapping[str, Any] | None) -> tuple[int, int] | None:
    shape = state.get("shape") if state is not None else None
    good = isinstance(shape, list) and len(shape) == 2
    if not good or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in shape or ()):
        return None
    assert shape is not None
    return shape[0], shape[1]


def _statistics(
    beside: Beside, state: Mapping[str, Any], absmax: TensorRef, rows: int, width: int, block: int
) -> Part | str:
    """The scales by row of the table: several a row, or one for several rows; or what is wrong with them."""
    of_row, every = (width // block, 1) if block < width else (1, block // width)
    shape = (rows if every == 1 else absmax.shape[0], of_row)
    inner, levels = beside.side(".weight.nested_absmax"), beside.side(".weight.nested_quant_map")
    nested = None
    if inner is not None or absmax.dtype == "U8":
        size, offset = state.get("nested_blocksize"), state.get("nested_offset")
        usable = isinstance(size, int) and size > 0 and isinstance(offset, (int, float))
        if inner is None or levels is None or levels.shape != (256,) or not usable:
            return f"{absmax.name!r} is quantised, and what it was quantised with is missing"
        assert isinstance(size, int)
        assert offset is not None
        if inner.shape != (-(-absmax.shape[0] // size),):
            return f"{inner.name!r} has {list(inner.shape)} entries for blocks of {size} of {absmax.name!r}"
        nested = Nested(levels, inner, size, float(offset))
    spread = "nested" if nested else "row" if every == 1 else "block"
    return Part(seen_as(absmax, shape), spread, every, nested=nested)  # type: ignore[arg-type]


def read_int8(beside: Beside) -> Packed | None:
    """int8 with the largest magnitude of each row beside it."""
    largest = beside.side(".SCB")
    if beside.suffix != ".weight" or beside.main.dtype != "I8" or largest is None:
        return None
    rows, width = beside.main.shape if len(beside.main.shape) == 2 else (0, 0)
    bare = Packed("bitsandbytes-int8", "bitsandbytes INT8", 8, rows, width, scale_shape=largest.shape)
    if largest.shape not in ((rows,), (rows, 1)) or largest.dtype != "F32":
        return refused(bare, f"{largest.name!r} has the shape {list(largest.shape)}, no scale of {rows} rows")
    layout = beside.side(".weight_format")
    if layout is not None and set(beside.small(layout) or b"\1") != {0}:
        return refused(bare, f"{layout.name!r} says that elements are not in the order of rows")
    return replace(
        bare,
        coding=Coding(8, "signed"),
        codes=Part(seen_as(beside.main, (rows, width), "U8")),
        scale=(("*", Part(seen_as(largest, (rows, 1)))),),
        factor=_INT8_FACTOR,
    )
