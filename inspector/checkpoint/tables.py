"""The vocabulary tables of a checkpoint. Tables that are named and not whole are refused, since a report
without them would be wrong. Who lists headers alone needs none of this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rowscope.inspector.checkpoint.empty import GATHER
from rowscope.inspector.errors import IndexMismatchError, MissingShardError, NoMatrixError
from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices import (
    MatrixLayout,
    Table,
    config_int,
    find_matrices,
    find_tables,
    role_of_name,
    tables_with_packing,
    with_packing,
)

if TYPE_CHECKING:
    from rowscope.inspector.checkpoint.checkpoint import Checkpoint


def layout_of(checkpoint: Checkpoint) -> MatrixLayout:
    """The vocabulary matrices of a checkpoint and how they were found; raises as `Checkpoint.layout`."""
    tensors, config, adapter = checkpoint.tensors, checkpoint.config, checkpoint.adapter
    # An adapter's tables are found by their names alone: config and ties are of the whole model.
    layout = find_matrices(tensors, config if adapter is None else None)
    _refuse_broken(layout, tensors, checkpoint.absent, config, checkpoint.path)
    layout = with_packing(layout, tensors, config, _bytes_of, checkpoint.absent)
    if adapter is None:
        return layout
    from rowscope.inspector.matrices import with_adapter

    return with_adapter(layout, checkpoint.base.layout if checkpoint.base else None, adapter.changes, config)


def tables_of(checkpoint: Checkpoint) -> tuple[Table, ...]:
    """Every vocabulary table of a checkpoint; see `Checkpoint.tables`."""
    found = find_tables(checkpoint.tensors, checkpoint.config, checkpoint.layout)
    return tables_with_packing(found, checkpoint.tensors, checkpoint.config, _bytes_of)


def _bytes_of(ref: TensorRef) -> bytes:
    """The bytes of a small tensor."""
    with ref.shard.file.open() as file:
        return file.read(ref.offset, ref.offset + ref.nbytes)


def _refuse_broken(
    layout: MatrixLayout,
    tensors: Mapping[str, TensorRef],
    absent: Sequence[str],
    config: Mapping[str, Any] | None,
    path: str,
) -> None:
    """Raise where a table that the model surely has is absent, empty or stored in part.

    Raises:
        IndexMismatchError: the index names it and no shard holds it.
        MissingShardError: its parts end before the vocabulary does.
        NoMatrixError: it was saved without elements.
    """
    for name in absent:
        role = role_of_name(name)
        if role is not None and layout.of_role(role) is None and not (role == "output" and layout.tied):
            raise IndexMismatchError(
                f"the index of {path!r} names {name!r}, the {role} matrix, and no shard holds it; download "
                "the "
                "shards again or write the index anew",
                location=path,
            )
    for name, ref in tensors.items():
        if 0 in ref.shape and role_of_name(name) is not None:
            raise NoMatrixError(_empty(name, tensors, path), location=path)
    vocab = config_int(config, "vocab_size")
    for matrix in layout.matrices:
        if matrix.ref.pieces and vocab is not None and matrix.rows < vocab:
            raise MissingShardError(
                f"the parts of {matrix.tensor!r} in {path!r} end at row {matrix.rows:,} of {vocab}; copy the "
                "files "
                "of the other ranks beside them",
                location=path,
            )


def _empty(name: str, tensors: Mapping[str, TensorRef], path: str) -> str:
    empty = sum(0 in ref.shape for ref in tensors.values())
    return (
        f"{empty} of the {len(tensors):,} tensors in {path!r} have no elements, {name!r} among them: they "
        f"were saved under DeepSpeed ZeRO-3 without gathering them; {GATHER}"
    )
