"""The common case, told without a look at any layout: a table of floats with nothing beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.matrix import MatrixLayout, Table

if TYPE_CHECKING:
    from rowscope.inspector.matrices.packed.beside import Read

_PLAIN_TYPES: Final = ("BF16", "F16", "F32", "F64")
_OWN: Final = (".weight", ".bias")


def with_packing(
    layout: MatrixLayout,
    tensors: Mapping[str, TensorRef],
    config: Mapping[str, Any] | None,
    read: Read,
    absent: Collection[str] = (),
) -> MatrixLayout:
    """The layout with `Matrix.packed` and the decoded sizes of the tables that are quantised.

    Args:
        read: the bytes of a small tensor; asked for where only a tensor's values tell a table's shape.
        absent: names that the index lists and no file holds.
    """
    if all(surely_plain(matrix.ref, tensors) for matrix in layout.matrices):
        return layout
    from rowscope.inspector.matrices.packed.attach import attach_packing  # half of what opening imports

    return attach_packing(layout, tensors, config, read, absent)


def tables_with_packing(
    tables: tuple[Table, ...], tensors: Mapping[str, TensorRef], config: Mapping[str, Any] | None, read: Read
) -> tuple[Table, ...]:
    """The same of tables beside the matrices: by their own shapes, since the config is not theirs."""
    if all(table.matrix.packed or surely_plain(table.matrix.ref, tensors) for table in tables):
        return tables
    from rowscope.inspector.matrices.packed.attach import attach_to_tables

    return attach_to_tables(tables, tensors, config, read)


def surely_plain(ref: TensorRef, tensors: Mapping[str, TensorRef]) -> bool:
    """Whether a table is of a float type and has nothing beside it that could belong to a packing."""
    stem = ref.name.removesuffix(".weight")
    if stem == ref.name or ref.dtype not in _PLAIN_TYPES:
        return False
    return not any(name.startswith(stem) and name[len(stem) :] not in _OWN for name in tensors)
