"""MLX: `X.weight` of words, `X.scales`, and `X.biases` for the affine mode.

Layouts: ml-explore/mlx, `mlx/backend/cpu/quantized.cpp`. Bits and group stand in the config, per layer under
the table's name; from the shapes alone only their product is known: 32 * words / scales of a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed, Part, in_bytes, seen_as
from rowscope.inspector.matrices.packed.shapes import refused
from rowscope.inspector.text import say
from rowscope.kernels.decode.coding import Coding

_BITS: Final = (1, 2, 3, 4, 5, 6, 8)
_GROUPS: Final = (32, 64, 128)


class _Mode(NamedTuple):
    name: str
    bits: int
    group: int
    levels: str
    scales: str


_MODES: Final = (
    _Mode("mxfp4", 4, 32, "F4", "F8_E8M0"),
    _Mode("nvfp4", 4, 16, "F4", "F8_E4M3"),
    _Mode("mxfp8", 8, 32, "F8_E4M3", "F8_E8M0"),
)


def read_mlx(beside: Beside) -> Packed | None:
    """MLX's packing, where `.scales` stand beside a `.weight` of 32-bit words."""
    scales = beside.side(".scales")
    if beside.suffix != ".weight" or scales is None or beside.main.dtype != "U32":
        return None
    if len(beside.main.shape) != 2 or len(scales.shape) != 2 or 0 in scales.shape:
        bare = Packed("mlx", "MLX", 0, beside.main.shape[0] if beside.main.shape else 0, beside.width or 0)
        return refused(bare, f"{scales.name!r} has the shape {list(scales.shape)}, not rows of scales")
    biases = beside.side(".biases")
    return _affine(beside, scales, biases) if biases is not None else _by_mode(beside, scales)


def _affine(beside: Beside, scales: TensorRef, biases: TensorRef) -> Packed:
    rows, words = beside.main.shape
    possible = list(_possible(words, scales.shape[1]))
    chosen = _bits_and_group(beside, possible, scales.shape[1])
    if chosen is None:
        bare = Packed("mlx-affine", "MLX affine", 0, rows, beside.width or 0, scale_shape=scales.shape)
        pairs = " or ".join(f"{bits} bits in groups of {group}" for bits, group in possible)
        product = f"no bits times group is {32 * words}/{scales.shape[1]}"
        why = f"may be {pairs}, and nothing tells which" if possible else product
        return refused(bare, f"{beside.main.name!r} and {scales.name!r}: {why}")
    bits, group, note = chosen
    return Packed(
        format="mlx-affine",
        label=f"MLX {bits} bit",
        bits=bits,
        group=group,
        rows=rows,
        width=group * scales.shape[1],
        coding=Coding(bits, "unsigned"),
        codes=Part(in_bytes(beside.main)),
        scale=(("*", Part(scales)),),
        offset=Part(_matrix(biases)),
        scale_shape=scales.shape,
        notes=note,
    )


def _bits_and_group(
    beside: Beside, possible: list[tuple[int, int]], scales: int
) -> tuple[int, int, tuple[str, ...]] | None:
    """Bits and group of those that the shapes allow: that which makes the width known from elsewhere, else
    that which the config says, else the only one; None where several are left."""
    said = beside.number("bits"), beside.number("group_size")
    fits = [pair for pair in possible if pair[1] * scales == beside.width] or possible
    agree = [pair for pair in fits if all(s in (None, own) for s, own in zip(said, pair, strict=True))]
    left = fits if len(fits) == 1 else agree
    if len(left) != 1:
        return None
    bits, group = left[0]
    if None in said or left[0] in agree:
        return bits, group, ()
    note = (
        f"{beside.stem}: the config says {said[0]} bits in groups of {said[1]}, the shapes {bits} in groups "
        f"of {group}; the shapes were taken"
    )
    return bits, group, (note,)


def _possible(words: int, scales: int) -> Iterator[tuple[int, int]]:
    for bits in _BITS:
        group, rest = divmod(32 * words, bits * scales)
        if not rest and group in _GROUPS:
            yield bits, group


def _by_mode(beside: Beside, scales: TensorRef) -> Packed:
    rows, words = beside.main.shape
    product, rest = divmod(32 * words, scales.shape[1])
    mode = next((m for m in _MODES if not rest and m.bits * m.group == product), None)
    if mode is None or scales.dtype != "U8":
        bare = Packed("mlx", "MLX", 0, rows, beside.width or 0)
        return refused(bare, f"{beside.main.name!r} has {scales.dtype} scales and no biases: no mode of MLX")
    said = beside.setting("mode")
    note = say(
        "{tensor}: the config says mode {said}, the shapes {mode}; the shapes were taken",
        tensor=beside.stem,
        said=said,
        mode=mode.name,
    )
    return Packed(
        format=f"mlx-{mode.name}",
        label=f"MLX {mode.name}",
        bits=mode.bits,
        group=mode.group,
        rows=rows,
        width=mode.group * scales.shape[1],
        coding=Coding(mode.bits, mode.levels),
        codes=Part(in_bytes(beside.main)),
        scale=(("*", Part(seen_as(scales, scales.shape, mode.scales))),),
        scale_shape=scales.shape,
        notes=(note,) if isinstance(said, str) and said not in (mode.name, "affine") else (),
    )


def _matrix(ref: TensorRef) -> TensorRef:
    return ref if len(ref.shape) == 2 else seen_as(ref, (1, ref.shape[0] if ref.shape else 1))
