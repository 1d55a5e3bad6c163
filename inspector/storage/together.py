"""A file and the files that it names, exchanged as one: whoever opens it meets all of the old or all of the
new.

No system renames several files at once. So what a file names has a part of its content in its name, and the
file itself, renamed last, is the switch: until then the old one stands with all that it names.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final

from rowscope.inspector.storage.writing import write_whole

_DIGITS: Final = 8


def named_by_content(stem: str, ending: str, data: bytes) -> str:
    """`STEM-1a2b3c4d.ENDING`: equal content has an equal name, and other content another one."""
    return f"{stem}-{hashlib.sha256(data).hexdigest()[:_DIGITS]}.{ending}"


def write_together(path: str, data: bytes, beside: Mapping[str, bytes], old: Collection[str] = ()) -> None:
    """Put a file in its place, and before that the files in the same folder that it names.

    On any exception, KeyboardInterrupt among them, either nothing has changed or everything has; a killed
    process can leave files that nobody names.

    Args:
        beside: by name, made by `named_by_content`.
        old: names that the present file names and the new one may not; they are removed last.

    Raises:
        OSError: as `write_whole`.
    """
    folder = os.path.dirname(path)
    places = {os.path.join(folder, name): content for name, content in beside.items()}
    left = {os.path.join(folder, name) for name in old} - places.keys()
    made = [place for place in places if not os.path.lexists(place)]
    try:
        for place, content in places.items():
            write_whole(place, content)
        write_whole(path, data)
    except BaseException:
        # A signal can come when the file is in its place already.
        _remove(left if _holds(path, data) else made)
        raise
    _remove(left)


def _holds(path: str, data: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(data) + 1) == data
    except OSError:
        return False


def _remove(places: Collection[str]) -> None:
    for place in places:
        with suppress(OSError):
            os.unlink(place)
