"""A table of tensors and a config -> the vocabulary matrices, by data tables and rules.

Knows names, shapes and layouts of architectures. Must not read files, nor know tokenizers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.matrices.adapters import Change, find_changes
    from rowscope.inspector.matrices.effective import with_adapter
    from rowscope.inspector.matrices.find import config_int, config_value, find_matrices
    from rowscope.inspector.matrices.layouts import INPUT_NAMES, OUTPUT_NAMES
    from rowscope.inspector.matrices.matrix import Matrix, MatrixLayout, Role
    from rowscope.inspector.matrices.packed.attach import with_packing
    from rowscope.inspector.matrices.packed.model import Packed, Part, Storage, seen_as
    from rowscope.inspector.matrices.stored import role_of_name

__all__ = [
    "INPUT_NAMES",
    "OUTPUT_NAMES",
    "Change",
    "Matrix",
    "MatrixLayout",
    "Packed",
    "Part",
    "Role",
    "Storage",
    "config_int",
    "config_value",
    "find_changes",
    "find_matrices",
    "role_of_name",
    "seen_as",
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
        "Packed": "packed.model",
        "Part": "packed.model",
        "Role": "matrix",
        "Storage": "packed.model",
        "config_int": "find",
        "config_value": "find",
        "find_changes": "adapters",
        "find_matrices": "find",
        "role_of_name": "stored",
        "seen_as": "packed.model",
        "with_adapter": "effective",
        "with_packing": "packed.attach",
    },
)
