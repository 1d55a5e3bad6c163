"""safetensors bytes -> a validated table of tensors. The only room that trusts nothing.

Knows the format and where a tensor lies. Must not know what a tensor means, nor configs or tokenizers.
"""

from rowscope.inspector.header.read import Header, examine_file, read_header
from rowscope.inspector.header.rules import REFETCH, Fault, kind, quote
from rowscope.inspector.header.tensors import Shard, TensorRef

__all__ = [
    "REFETCH",
    "Fault",
    "Header",
    "Shard",
    "TensorRef",
    "examine_file",
    "kind",
    "quote",
    "read_header",
]
