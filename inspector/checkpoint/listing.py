"""Names in a folder, and names in a message."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.storage import reason


def names_in(folder: Path) -> list[str]:
    """Names of everything in a folder, sorted.

    Raises:
        CheckpointError: the system does not let us look.
    """
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise CheckpointError(
            f"cannot list {str(folder)!r}: {reason(error)}; check its permissions", location=str(folder)
        ) from error


def listing(names: Sequence[str], limit: int = 5) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
