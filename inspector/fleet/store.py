"""The folder of a store: its marker, the parts in it, and which checkpoint each of them is of.

A part's name says what a listing has to tell: `CHECKPOINT.FOOTPRINT.KEY.GRADE.parquet`. Every step is one
rename or one removal, so that processes on several machines may work in one store and be killed at any time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rowscope.inspector.checkpoint import path_text
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.fleet.schema import STORE_VERSION
from rowscope.inspector.storage import PART, reason, write_whole

MARKER: Final = "rowscope-fleet.json"
_MARK: Final = f'{{"rowscope_fleet": "{STORE_VERSION}"}}\n'.encode()
_NAME: Final = re.compile(
    r"(?P<checkpoint>[0-9a-f]{16})\.(?P<footprint>[0-9a-f]{16}|-)\.(?P<key>[0-9a-f]{16}|-)\."
    r"(?P<status>audited|partial|failed)-(?P<worst>error|warning|note|none)\.parquet"
)
_UNFINISHED: Final = re.compile(re.escape(PART).replace(r"\{\}", "[0-9a-f]{16}"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A part by its name.

    Attributes:
        checkpoint: of whom.
        footprint, key: when it still holds (`keys.py`); None where that is not known.
        status: `audited`, `partial` or `failed`.
        worst: severity of the worst finding, None for none.
    """

    checkpoint: str
    footprint: str | None
    key: str | None
    status: str
    worst: str | None

    @property
    def name(self) -> str:
        """The file's name."""
        return (
            f"{self.checkpoint}.{self.footprint or '-'}.{self.key or '-'}."
            f"{self.status}-{self.worst or 'none'}.parquet"
        )

    @property
    def failed(self) -> bool:
        return self.status == "failed"


class Store:
    """A store in a folder of a file system that all who work in it see.

    Args:
        create: make the folder where there is none.

    Raises:
        RefusedError: the folder is no store and not empty, or cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str], *, create: bool = False) -> None:
        self.folder = Path(path_text(folder))
        self.parts = self.folder / "parts"
        self.rows = self.folder / "rows"
        self.runs = self.folder / "runs"
        if "://" in os.fspath(folder):
            raise RefusedError(
                f"--out {os.fspath(folder)!r}: a store is written to a folder of a file system; give a path, "
                "for object stores that of a mounted bucket, or copy the tables there afterwards",
                location="--out",
            )
        with self.writing():
            self._require(create)

    def _require(self, create: bool) -> None:
        marker = self.folder / MARKER
        if not marker.is_file():
            if not create:
                raise RefusedError(
                    f"{str(self.folder)!r} is no store of a fleet; write one with 'rowscope fleet PATH --out "
                    "DIR'",
                    location=str(self.folder),
                )
            self.folder.mkdir(parents=True, exist_ok=True)
            strange = sorted(name for name in os.listdir(self.folder) if not _UNFINISHED.fullmatch(name))
            if strange and not marker.is_file():
                raise RefusedError(
                    f"--out {str(self.folder)!r} is not empty and no store of a fleet (it holds "
                    f"{strange[0]!r}); give a new folder",
                    location="--out",
                )
            write_whole(marker, _MARK)
        for below in (self.parts, self.rows, self.runs):
            if below.is_symlink():
                raise RefusedError(
                    f"{str(below)!r} is a link: what a run writes and removes there would be "
                    "elsewhere; put a folder in its place, or give another --out",
                    location=str(below),
                )
        if create:
            for below in (self.parts, self.runs):
                below.mkdir(exist_ok=True)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Within it what the system refuses is an error of ours.

        Raises:
            RefusedError: the store cannot be written.
        """
        try:
            yield
        except OSError as error:
            raise RefusedError(
                f"cannot write to the store {str(self.folder)!r}: {reason(error)}; make room there or give "
                "another --out, then run again: what is done stays done",
                location=str(self.folder),
            ) from error

    def entries(self) -> dict[str, list[Entry]]:
        """Every part by its checkpoint; files without content, as after a power failure, are none."""
        found: dict[str, list[Entry]] = {}
        with suppress(FileNotFoundError), os.scandir(self.parts) as listed:
            for item in listed:
                match = _NAME.fullmatch(item.name)
                with suppress(FileNotFoundError):  # another run removed it meanwhile
                    if match is not None and item.stat().st_size:
                        found.setdefault(match["checkpoint"], []).append(_entry(match))
        return found

    def has(self, entry: Entry) -> bool:
        """Whether the part is there."""
        return self.path(entry).is_file()

    def path(self, entry: Entry) -> Path:
        """Where a part is."""
        return self.parts / entry.name

    def read(self, entry: Entry) -> bytes:
        """The bytes of a part; none where it is gone."""
        try:
            return self.path(entry).read_bytes()
        except OSError:
            return b""

    def rename(self, old: Entry, new: Entry) -> None:
        """The same result under another footprint."""
        with suppress(FileNotFoundError):  # another run was quicker
            os.replace(self.path(old), self.path(new))

    def remove(self, entry: Entry) -> None:
        """Take a part out."""
        self.path(entry).unlink(missing_ok=True)


def _entry(match: re.Match[str]) -> Entry:
    given = {name: None if value in ("-", "none") else value for name, value in match.groupdict().items()}
    return Entry(
        checkpoint=match["checkpoint"],
        footprint=given["footprint"],
        key=given["key"],
        status=match["status"],
        worst=given["worst"],
    )
