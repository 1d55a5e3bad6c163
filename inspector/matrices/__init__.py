"""A table of tensors and a config -> the vocabulary matrices, by data tables and rules.

Knows names, shapes and layouts of architectures. Must not read files, nor know tokenizers.
"""

from rowscope.inspector.matrices.find import config_int, config_value, find_matrices
from rowscope.inspector.matrices.layouts import INPUT_NAMES, OUTPUT_NAMES
from rowscope.inspector.matrices.matrix import Matrix, MatrixLayout, Role

__all__ = [
    "INPUT_NAMES",
    "OUTPUT_NAMES",
    "Matrix",
    "MatrixLayout",
    "Role",
    "config_int",
    "config_value",
    "find_matrices",
]
