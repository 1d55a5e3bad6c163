"""Vocabulary tables that are named and not whole: refused, since a report without them would be wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rowscope.inspector.checkpoint.empty import GATHER
from rowscope.inspector.errors import IndexMismatchError, MissingShardError, NoMatrixError
from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices import MatrixLayout, config_int, role_of_name


def refuse_broken_tables(
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
