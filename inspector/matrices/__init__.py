"""A table of tensors and a config -> the vocabulary matrices, by data tables and rules.

Knows names, shapes and layouts of architectures. Must not read files, nor know tokenizers.
"""

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
