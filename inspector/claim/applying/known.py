"""Which undo manifests this user's claims wrote: noted outside of every checkpoint, by their hash.

A folder that was downloaded can bring a manifest along. Its hash is in nobody's notes. An undo removes no
note: a copy of the folder may hold the same claim.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

from rowscope.kernels.private import PrivateFolder

_LIMIT: Final = 1 << 16


def notes_folder() -> Path | None:
    """Where the notes are: `rowscope/claims` in the folder that the platform has for a user's state."""
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin" and not os.environ.get("XDG_STATE_HOME"):
        home = os.path.expanduser("~/Library/Application Support")
    else:
        home = os.environ.get("XDG_STATE_HOME", "")
        if not os.path.isabs(home):  # by the XDG specification a relative path is to be ignored
            home = os.path.expanduser("~/.local/state")
    return Path(home, "rowscope", "claims") if os.path.isabs(home) else None


def note(digest: str, root: Path) -> str | None:
    """Note a manifest, by its SHA-256, that is about to be written; None, or in words why that cannot be."""
    folder = notes_folder()
    if folder is None:
        return "this user has no home folder"
    words = {"rowscope_claim": 1, "root": str(root.absolute())}
    try:
        with PrivateFolder(folder, make=True) as opened:
            opened.write(f"{digest}.json", json.dumps(words).encode() + b"\n", durable=True)
    except OSError as error:
        return f"{str(folder)!r}: {error.strerror or error}"
    return None


def is_noted(digest: str) -> bool:
    """Whether a claim of this user wrote the manifest."""
    folder = notes_folder()
    try:
        with PrivateFolder(folder or Path(os.devnull)) as opened:
            return opened.read(f"{digest}.json", _LIMIT) is not None
    except OSError:
        return False
