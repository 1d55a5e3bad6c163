"""safetensors bytes -> a validated table of tensors. The only room that trusts nothing.

Knows the format and where a tensor lies. Must not know what a tensor means, nor configs or tokenizers.
"""

from rowscope.inspector.header.read import HEADER_FIRST, Header, TensorInfo, examine_file, read_header
from rowscope.inspector.header.rules import DTYPE_BITS, REFETCH, Fault, kind, quote
from rowscope.inspector.header.tensors import Piece, Shard, TensorRef

__all__ = [
    "DTYPE_BITS",
    "HEADER_FIRST",
    "REFETCH",
    "Fault",
    "Header",
    "Piece",
    "Shard",
    "TensorInfo",
    "TensorRef",
    "examine_file",
    "kind",
    "quote",
    "read_header",
]
