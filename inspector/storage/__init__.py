"""Where bytes come from: the one interface through which everything above reads files.

Knows names, sizes and bytes. Must not know safetensors, tokenizers or any other format than JSON text.
"""

from rowscope.inspector.storage.contents import Content, unlike_tensors, unlike_text
from rowscope.inspector.storage.interface import File, Folder, Kind, OpenFile, UnreadableError
from rowscope.inspector.storage.json_file import MAX_VALUES, read_json, too_many_values
from rowscope.inspector.storage.local import (
    LocalFolder,
    MappedFile,
    kind_of,
    local_file,
    read_range,
    reason,
)
from rowscope.inspector.storage.writing import PART, write_all, write_output, write_whole

__all__ = [
    "MAX_VALUES",
    "PART",
    "Content",
    "File",
    "Folder",
    "Kind",
    "LocalFolder",
    "MappedFile",
    "OpenFile",
    "UnreadableError",
    "kind_of",
    "local_file",
    "read_json",
    "read_range",
    "reason",
    "too_many_values",
    "unlike_tensors",
    "unlike_text",
    "write_all",
    "write_output",
    "write_whole",
]
