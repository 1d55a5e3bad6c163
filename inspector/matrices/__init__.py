"""A table of tensors and a config -> the vocabulary matrices, by data tables and rules.

Knows names, shapes and layouts of architectures. Must not read files, nor know tokenizers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.matrices.adapters import Change, find_changes
    from rowscope.inspector.matrices.classes import (
        OWN_COUNT,
        architectures,
        built_rows,
        default_size,
        padded_rows,
        text_path,
    )
    from rowscope.inspector.matrices.effective import with_adapter
    from rowscope.inspector.matrices.find import find_matrices
    from rowscope.inspector.matrices.layouts import INPUT_NAMES, OUTPUT_NAMES, PER_LAYER_GUARDED
    from rowscope.inspector.matrices.loading import foreign_prefix, input_names, resizable
    from rowscope.inspector.matrices.matrix import Matrix, MatrixLayout, Role, Table
    from rowscope.inspector.matrices.packed.model import Packed, Part, Storage, seen_as
    from rowscope.inspector.matrices.packed.plain import tables_with_packing, with_packing
    from rowscope.inspector.matrices.passed_over import nearest_misses
    from rowscope.inspector.matrices.scopes import (
        config_int,
        config_value,
        scope_at,
        size_place,
        stated_sizes,
    )
    from rowscope.inspector.matrices.stored import plain_name, role_of_name
    from rowscope.inspector.matrices.tables import find_tables, per_layer_tables

__all__ = [
    "INPUT_NAMES",
    "OUTPUT_NAMES",
    "OWN_COUNT",
    "PER_LAYER_GUARDED",
    "Change",
    "Matrix",
    "MatrixLayout",
    "Packed",
    "Part",
    "Role",
    "Storage",
    "Table",
    "architectures",
    "built_rows",
    "config_int",
    "config_value",
    "default_size",
    "find_changes",
    "find_matrices",
    "find_tables",
    "foreign_prefix",
    "input_names",
    "nearest_misses",
    "padded_rows",
    "per_layer_tables",
    "plain_name",
    "resizable",
    "role_of_name",
    "scope_at",
    "seen_as",
    "size_place",
    "stated_sizes",
    "tables_with_packing",
    "text_path",
    "with_adapter",
    "with_packing",
]

__getattr__ = lazily(
    __name__,
    {
        "Change": "adapters",
        "INPUT_NAMES": "layouts",
        "Matrix": "matrix",
        "MatrixLayout": "matrix",
        "OUTPUT_NAMES": "layouts",
        "OWN_COUNT": "classes",
        "PER_LAYER_GUARDED": "layouts",
        "Packed": "packed.model",
        "Part": "packed.model",
        "Role": "matrix",
        "Storage": "packed.model",
        "Table": "matrix",
        "architectures": "classes",
        "built_rows": "classes",
        "config_int": "scopes",
        "config_value": "scopes",
        "default_size": "classes",
        "scope_at": "scopes",
        "text_path": "classes",
        "find_changes": "adapters",
        "find_matrices": "find",
        "find_tables": "tables",
        "foreign_prefix": "loading",
        "input_names": "loading",
        "nearest_misses": "passed_over",
        "padded_rows": "classes",
        "per_layer_tables": "tables",
        "plain_name": "stored",
        "resizable": "loading",
        "role_of_name": "stored",
        "seen_as": "packed.model",
        "size_place": "scopes",
        "stated_sizes": "scopes",
        "tables_with_packing": "packed.plain",
        "with_adapter": "effective",
        "with_packing": "packed.plain",
    },
)
