"""Where bytes come from: the one interface through which everything above reads files.

Knows names, sizes and bytes. Must not know safetensors, tokenizers or any other format than JSON text.
"""

from rowscope.inspector.storage.contents import Content, unlike_tensors, unlike_text
from rowscope.inspector.storage.files import (
    MAX_VALUES,
    digest,
    kind_of,
    read_json,
    read_range,
    reason,
    too_many_values,
)
from rowscope.inspector.storage.local import MappedFile

__all__ = [
    "MAX_VALUES",
    "Content",
    "MappedFile",
    "digest",
    "kind_of",
    "read_json",
    "read_range",
    "reason",
    "too_many_values",
    "unlike_tensors",
    "unlike_text",
]
