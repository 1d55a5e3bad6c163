"""Options of commands whose PATH may be a URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from rowscope.inspector.errors import UsageError
from rowscope.inspector.storage import RemoteOptions

CacheOption = Annotated[
    str | None,
    typer.Option("--cache", help="Of a URL: keep what is fetched in this folder, and read from it again."),
]
MaxDownloadOption = Annotated[
    str,
    typer.Option("--max-download", help="Of a URL: the most to fetch, such as 500MB or 20GB."),
]

_SIZE = re.compile(r"(?P<number>\d{1,15}(\.\d{1,9})?) ?(?P<unit>[kMGT]?(iB|B)?)", re.ASCII | re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def remote_options(cache: str | None, max_download: str, *, needed_only: bool = False) -> RemoteOptions:
    """What the two options say, and whether a command has no use for notes on files that decide nothing.

    Raises:
        UsageError: a size that is none.
    """
    return RemoteOptions(
        cache=None if cache is None else Path(cache).expanduser(),
        max_download=size(max_download, "--max-download"),
        needed_only=needed_only,
    )


def size(words: str, option: str) -> int:
    """`5GB` is 5 * 1000^3 bytes, `5GiB` 5 * 1024^3.

    Raises:
        UsageError: no size.
    """
    match = _SIZE.fullmatch(words.strip())
    if match is None:
        raise UsageError(f"{option} {words!r} is no size; give one such as 500MB or 20GB", location=option)
    unit = match["unit"].lower()
    base = 1024 if unit.endswith("ib") else 1000
    power = _POWERS[unit.removesuffix("b").removesuffix("i")]
    return int(float(match["number"]) * base**power)
