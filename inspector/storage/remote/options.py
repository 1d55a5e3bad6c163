"""What the user decides about remote places."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Final

from rowscope.inspector.frozen import record
from rowscope.inspector.storage.traffic import MAX_DOWNLOAD


@record
class Patience:
    """How long to wait for a server.

    Attributes:
        timeout: seconds to connect, for the head of an answer, and for each quarter megabyte of its body.
        attempts: how often in a row a request is sent that brings nothing.
        pause: seconds before the second attempt; twice as many before each further one.
        longest: seconds that a server may ask us to wait (`Retry-After`).
    """

    timeout: float = 30.0
    attempts: int = 5
    pause: float = 0.5
    longest: float = 120.0


@record
class RemoteOptions:
    """What the user decides about remote places.

    Attributes:
        cache: folder that keeps what was fetched for a later run; None to keep nothing of the weights.
        max_download: bytes that may be fetched of one checkpoint.
        patience: how long to wait for servers.
        needed_only: ask a place that cannot be listed for those files alone that decide something, not for
            those of which a note would say that others go first. For who shows no notes.
    """

    cache: Path | None = None
    max_download: int = MAX_DOWNLOAD
    patience: Patience = field(default=Patience())
    needed_only: bool = False


NEEDED_ONLY: Final = RemoteOptions(needed_only=True)
"""For who shows no notes."""
