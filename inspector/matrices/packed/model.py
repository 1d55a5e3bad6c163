"""A quantised table as data: which tensors hold it, what their bits mean, which size it has when decoded."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Literal, NamedTuple

from rowscope.inspector.frozen import record
from rowscope.inspector.header import TensorRef
from rowscope.kernels.decode.coding import Coding

Spread = Literal["row", "shared", "block", "down", "across", "columns", "awq", "nested"]


@record
class Part:
    """A tensor of a packed table, seen as a matrix.

    Attributes:
        ref: the tensor, with the shape and the dtype that it is read in.
        spread: how the table's rows lie in it. `row`: row v of the table has row v; `shared`: all have its
            one row; `block`: row v has row v // every; `columns`: row v has column v, whose words are a bit
            stream where it holds codes; `down`: column g holds a bit stream over the rows, `bits` an element;
            `across`: row g does; `awq`: row g does, eight elements of 4 bits a word in the order of AutoAWQ;
            `nested`: see `nested`.
        every: rows of the table that share one, for `block`.
        bits: of an element of a stream.
        less: what is subtracted from each element of a stream.
        nested: the map, the scales and the offset that turn 8-bit codes into numbers, block by block.
    """

    ref: TensorRef
    spread: Spread = "row"
    every: int = 1
    bits: int = 0
    less: int = 0
    nested: Nested | None = None


class Nested(NamedTuple):
    """Statistics that are quantised themselves: `map[code] * absmax[i // block] + offset`."""

    map: TensorRef
    absmax: TensorRef
    block: int
    offset: float


@record
class Packed:
    """A quantised table.

    Attributes:
        format: a short name, `mlx-affine`.
        label: the same in words, `MLX 4 bit`.
        bits: of a stored element; 0 where it is not one number.
        group: columns that share a scale; None where a whole row or more does.
        rows, width: of the decoded table.
        trouble: why it cannot be decoded, ending in what to do; None where it can.
        coding, codes: what the stored integers are and where; None with `trouble`.
        scale: tensors whose numbers are multiplied, or divided by, to the scale of a group.
        zero, offset: subtracted from the integer before it is scaled, added to the scaled one.
        columns: the group of each column, where it is stored.
        table: the number that each integer stands for, where it is stored.
        factor: of every value.
        mapping, weights: the stored row of each token and its weight, where several tokens share rows.
        scale_shape: of the scales, as stored.
        notes: where config and shapes disagree, which was taken.
    """

    format: str
    label: str
    bits: int
    rows: int
    width: int
    group: int | None = None
    trouble: str | None = None
    coding: Coding | None = None
    codes: Part | None = None
    scale: tuple[tuple[Literal["*", "/"], Part], ...] = ()
    zero: Part | None = None
    offset: Part | None = None
    columns: TensorRef | None = None
    table: TensorRef | None = None
    factor: float = 1.0
    mapping: TensorRef | None = None
    weights: TensorRef | None = None
    scale_shape: tuple[int, ...] | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def tensors(self) -> tuple[TensorRef, ...]:
        """Every tensor that is read for the rows."""
        parts = [self.codes, *(part for _, part in self.scale), self.zero, self.offset]
        found = [part.ref for part in parts if part is not None]
        found += [part.nested.absmax for part in parts if part is not None and part.nested is not None]
        return (*found, *(ref for ref in (self.columns, self.table, self.mapping, self.weights) if ref))

    @property
    def storage(self) -> Storage:
        return Storage(self.format, self.label, self.bits or None, self.group, self.scale_shape)


@record
class Storage:
    """How a quantised table is stored, for the report; fields as in `Packed`."""

    format: str
    label: str
    bits: int | None
    group: int | None
    scale_shape: tuple[int, ...] | None


def seen_as(ref: TensorRef, shape: tuple[int, ...], dtype: str | None = None) -> TensorRef:
    """The same bytes under another shape and dtype."""
    return replace(ref, info=replace(ref.info, shape=shape, dtype=dtype or ref.dtype))


def in_bytes(ref: TensorRef) -> TensorRef:
    """A matrix of words as one of bytes."""
    rows = ref.shape[0]
    return seen_as(ref, (rows, ref.nbytes // max(rows, 1)), "U8")
