"""Whether this system has the calls by which claims write: from an open folder, and at offsets."""

from __future__ import annotations

import os
from typing import Final

from rowscope.inspector.errors import RefusedError

_CALLS: Final = ("pread", "pwrite", "fchmod")


def require_calls() -> None:
    """Nothing is written where a link could come in the way, or a row could be written by halves.

    Raises:
        RefusedError: the system lacks a call, as Windows does.
    """
    missing = [f"os.{name}" for name in _CALLS if not hasattr(os, name)]
    if os.open not in os.supports_dir_fd:
        missing.append("os.open(dir_fd=…)")
    if missing:
        raise RefusedError(
            f"this system cannot write claims safely (Python here lacks {', '.join(missing)}); run the claim "
            "on Linux, macOS or in WSL, `--dry-run` prints the plan here",
            location="--out",
        )
