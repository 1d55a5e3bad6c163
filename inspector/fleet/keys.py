"""When a result still holds: a checkpoint's footprint (quick, by its files' times) and its key (by content).

The headers of two steps of one run are equal, and so are those of a file before and after training: what
tells their weights apart without reading them is size and times, on a remote place the entity tag or digest
that it states. All else that an audit reads is small and counts by its content.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rowscope.inspector.checkpoint import inside, locate, tokenizer_folder
from rowscope.inspector.errors import RowscopeError
from rowscope.inspector.fleet.options import AuditOptions, digest
from rowscope.inspector.fleet.places import Place
from rowscope.inspector.storage import File, Folder

_WEIGHTS: Final = ".safetensors"
_CONTENT: Final = re.compile(r".*\.(json|jinja|txt|tiktoken|model(\.v\d+(m\d+)?)?)", re.DOTALL)
_TEMPLATES: Final = "additional_chat_templates"
_LONGEST_HEADER: Final = 100_000_000


def footprint(place: Place, options: AuditOptions, stated: Mapping[str, Any]) -> str | None:
    """Equal while no file that counts was written since; 16 hexadecimal digits. Reads no file.

    Args:
        stated: of the options, taken once.

    Returns:
        None for a remote place that may change: nothing tells without asking it.
    """
    if place.remote:
        return digest([stated, place.source]) if place.pinned else None
    try:
        seen: list[object] = [_stamp(folder, name) for folder, name in _files(place.source, options)]
    except RowscopeError as error:
        seen = [error.code, error.message]
    return digest([stated, place.source, seen])


def content_key(place: Place, options: AuditOptions, stated: Mapping[str, Any]) -> str:
    """Equal while everything that an audit depends on is: contents, rowscope's version, options.

    Raises:
        RowscopeError: the files cannot be read.
    """
    if place.remote and place.pinned:
        return digest([stated, place.source])
    see = _identity if place.remote else _content
    return digest([stated, [see(folder, name) for folder, name in _files(place.source, options)]])


def _files(source: str, options: AuditOptions) -> Iterator[tuple[Folder, str]]:
    """Every file that an audit of `source` may look at, by folder and name."""
    location = inside(locate(source, options.remote))
    folder = location.folder
    for name in folder.names():
        others = location.kind == "file" and name.endswith(_WEIGHTS) and name != location.name
        if not others and folder.kind(name) == "file":
            yield folder, name
    beside = (
        tokenizer_folder(folder)[0]
        if options.tokenizer is None
        else locate(options.tokenizer, options.remote).folder
    )
    if beside.location != folder.location:
        for name in beside.names():
            if not name.endswith(_WEIGHTS) and beside.kind(name) == "file":
                yield beside, name
    if beside.kind(_TEMPLATES) == "folder":
        templates = beside.below(_TEMPLATES)
        yield from ((templates, name) for name in templates.names())
    if options.base is not None and source != options.base:
        yield from _files(options.base, options)


def _stamp(folder: Folder, name: str) -> list[object]:
    """Name, size and times: of the last change of the content, and of that or of the file's own entry."""
    if folder.traffic is not None:  # a base or a tokenizer behind a URL
        return [name, folder.open(name).identity]
    try:
        status = os.stat(folder.local(name))
    except OSError:  # gone meanwhile
        return [name]
    if not (name.endswith(_WEIGHTS) or _CONTENT.fullmatch(name)):
        return [name]
    return [name, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _content(folder: Folder, name: str) -> list[object]:
    """Weights by their header and times, what else is read by all its bytes, the rest by its name."""
    if name.endswith(_WEIGHTS):
        return [*_stamp(folder, name), _header_digest(File(folder, name))]
    if not _CONTENT.fullmatch(name):
        return [name]
    return [name, File(folder, name).digest("sha256")]


def _identity(folder: Folder, name: str) -> list[object]:
    """A file of a remote place by what it says of it; one that says nothing is a new one each time."""
    if not (name.endswith(_WEIGHTS) or _CONTENT.fullmatch(name)):
        return [name]
    identity = folder.open(name).identity
    return [name, identity if identity.strip(": ") else uuid.uuid4().hex]


def _header_digest(file: File) -> str:
    """Digest of a safetensors file's header, whatever stands there."""
    import hashlib

    first, _ = file.head(0, 8)
    length = min(int.from_bytes(first, "little"), _LONGEST_HEADER)
    return hashlib.sha256(first + file.head(8, 8 + length)[0]).hexdigest()
