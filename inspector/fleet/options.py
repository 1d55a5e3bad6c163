"""What a fleet is audited with: the options that a result depends on, and how to get at remote places."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import rowscope
from rowscope.inspector.errors import UsageError
from rowscope.inspector.frozen import record
from rowscope.inspector.storage import MAX_DOWNLOAD, RemoteOptions, reason


@record
class AuditOptions:
    """How every checkpoint of a run is audited; what is stored depends on all but the last two.

    Attributes:
        tokenizer, base: as of `open_checkpoint`, the same for all.
        reachability: also find tokens that no text produces.
        select, ignore: codes or beginnings of codes.
        baseline: file of known findings; its content counts, not its name.
        rows: also keep the rows, in files of their own.
        cache, max_download: of remote places.
    """

    tokenizer: str | None = None
    base: str | None = None
    reachability: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    baseline: str | None = None
    rows: bool = False
    cache: str | None = None
    max_download: int = MAX_DOWNLOAD

    @property
    def remote(self) -> RemoteOptions:
        """What storage needs to know."""
        return RemoteOptions(None if self.cache is None else Path(self.cache), self.max_download)

    def stated(self) -> dict[str, Any]:
        """What a result depends on, as JSON values; the version of rowscope is among it.

        Raises:
            UsageError: the baseline cannot be read.
        """
        return {
            "version": rowscope.__version__,
            "tokenizer": self.tokenizer,
            "base": self.base,
            "reachability": self.reachability,
            "select": sorted(self.select),
            "ignore": sorted(self.ignore),
            "baseline": None if self.baseline is None else _digest_of(self.baseline),
            "rows": self.rows,
        }


def _digest_of(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(
            f"--baseline {path!r} cannot be read: {reason(error)}; write one with 'rowscope audit PATH "
            "--write-baseline FILE'",
            location="--baseline",
        ) from error


def digest(value: object) -> str:
    """16 hexadecimal digits of JSON values."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
