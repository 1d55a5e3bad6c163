"""The matrices that were found -> the same with what their packing is: every reader of a layout, in order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.layouts import VALUES
from rowscope.inspector.matrices.matrix import Matrix, MatrixLayout, Table
from rowscope.inspector.matrices.packed.beside import Beside, Read
from rowscope.inspector.matrices.packed.named import read_named
from rowscope.inspector.matrices.packed.readers import READERS
from rowscope.inspector.matrices.packed.shapes import checked
from rowscope.inspector.matrices.packed.sides import all_read, unscaled
from rowscope.inspector.matrices.scopes import config_int
from rowscope.inspector.matrices.stored import FORMS, PLAIN, StoredForm

_NORMS: Final = ("norm.weight", "ln_f.weight", "layernorm.weight", "layer_norm.weight")


def attach_packing(
    layout: MatrixLayout,
    tensors: Mapping[str, TensorRef],
    config: Mapping[str, Any] | None,
    read: Read,
    absent: Collection[str],
) -> MatrixLayout:
    """See `plain.with_packing`."""
    plain = next((m.shape[1] for m in layout.matrices if m.packing is None and m.dtype in VALUES), None)
    width = plain or config_int(config, "hidden_size", "d_model", "n_embd", "dim", "embedding_size")
    width = width or _width_of_norms(tensors)
    vocab = config_int(config, "vocab_size")
    found = tuple(
        _understood(m, tensors, config, width or None, vocab, read, absent) for m in layout.matrices
    )
    return replace(layout, matrices=found) if found != layout.matrices else layout


def _width_of_norms(tensors: Mapping[str, TensorRef]) -> int | None:
    """Columns that the norms outside of the layers have; None where there are none, or they differ."""
    names = [name for name in tensors if name.endswith(_NORMS) and not any(map(str.isdigit, name))]
    sizes = {tensors[name].shape for name in names}
    return sizes.pop()[0] if len(sizes) == 1 and all(len(size) == 1 for size in sizes) else None


def attach_to_tables(
    tables: tuple[Table, ...], tensors: Mapping[str, TensorRef], config: Mapping[str, Any] | None, read: Read
) -> tuple[Table, ...]:
    """See `plain.tables_with_packing`."""
    return tuple(
        replace(table, matrix=_understood(table.matrix, tensors, config, None, None, read))
        if table.matrix.packed is None
        else table
        for table in tables
    )


def _understood(
    matrix: Matrix,
    tensors: Mapping[str, TensorRef],
    config: Mapping[str, Any] | None,
    width: int | None,
    vocab: int | None,
    read: Read,
    absent: Collection[str] = (),
) -> Matrix:
    form = _form(matrix.ref.name)
    stem = matrix.ref.name.removesuffix(form.suffix)
    beside = Beside(matrix.ref, stem, form.suffix, tensors, config, width, vocab, read, absent)
    packed = next((p for reader in READERS if (p := reader(beside)) is not None), None)
    packed = packed or read_named(beside, matrix.shape)
    packed = unscaled(beside) if packed is None else all_read(checked(packed, matrix.tensor), beside)
    if packed is None:
        return matrix
    return replace(matrix, packed=packed, packing=packed.label, size=(packed.rows, packed.width))


def _form(name: str) -> StoredForm:
    """How the table of a name is stored."""
    return next((form for form in FORMS if name.endswith(form.suffix)), PLAIN)
