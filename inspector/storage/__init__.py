"""Where bytes come from: the one interface through which everything above reads files.

Backends that need a network load when a URL is opened.
Knows names, sizes and bytes. Must not know safetensors, tokenizers or any other format than JSON text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.storage.closing import Closing
    from rowscope.inspector.storage.contents import Content, unlike_tensors, unlike_text
    from rowscope.inspector.storage.interface import File, Folder, Kind, OpenFile, UnreadableError
    from rowscope.inspector.storage.json_file import MAX_VALUES, decode_json, read_json, too_many_values
    from rowscope.inspector.storage.local import (
        LocalFolder,
        MappedFile,
        kind_of,
        local_file,
        read_range,
        reason,
    )
    from rowscope.inspector.storage.remote.hub_environment import hub_cache
    from rowscope.inspector.storage.remote.opening import open_remote
    from rowscope.inspector.storage.remote.options import NEEDED_ONLY, Patience, RemoteOptions
    from rowscope.inspector.storage.remote.place import Probe
    from rowscope.inspector.storage.together import named_by_content, write_together
    from rowscope.inspector.storage.traffic import MAX_DOWNLOAD, Traffic
    from rowscope.inspector.storage.writing import PART, check_place, write_all, write_output, write_whole

__all__ = [
    "MAX_DOWNLOAD",
    "MAX_VALUES",
    "NEEDED_ONLY",
    "PART",
    "Closing",
    "Content",
    "File",
    "Folder",
    "Kind",
    "LocalFolder",
    "MappedFile",
    "OpenFile",
    "Patience",
    "Probe",
    "RemoteOptions",
    "Traffic",
    "UnreadableError",
    "check_place",
    "decode_json",
    "hub_cache",
    "kind_of",
    "local_file",
    "named_by_content",
    "open_remote",
    "read_json",
    "read_range",
    "reason",
    "too_many_values",
    "unlike_tensors",
    "unlike_text",
    "write_all",
    "write_output",
    "write_together",
    "write_whole",
]

__getattr__ = lazily(
    __name__,
    {
        "MAX_DOWNLOAD": "traffic",
        "MAX_VALUES": "json_file",
        "NEEDED_ONLY": "remote.options",
        "PART": "writing",
        "Closing": "closing",
        "Content": "contents",
        "File": "interface",
        "Folder": "interface",
        "Kind": "interface",
        "LocalFolder": "local",
        "MappedFile": "local",
        "OpenFile": "interface",
        "Patience": "remote.options",
        "Probe": "remote.place",
        "RemoteOptions": "remote.options",
        "Traffic": "traffic",
        "UnreadableError": "interface",
        "check_place": "writing",
        "decode_json": "json_file",
        "hub_cache": "remote.hub_environment",
        "kind_of": "local",
        "local_file": "local",
        "named_by_content": "together",
        "open_remote": "remote.opening",
        "read_json": "json_file",
        "read_range": "local",
        "reason": "local",
        "too_many_values": "json_file",
        "unlike_tensors": "contents",
        "unlike_text": "contents",
        "write_all": "writing",
        "write_output": "writing",
        "write_together": "together",
        "write_whole": "writing",
    },
)
