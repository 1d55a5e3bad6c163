"""An open remote file: fetched by ranges into its spool, read from there."""

from __future__ import annotations

from collections.abc import Sequence

from rowscope.inspector.errors import MalformedFileError
from rowscope.inspector.storage.closing import Closing
from rowscope.inspector.storage.remote.download import Download


class RemoteFile(Closing):
    """A remote file, open for ranges: an `OpenFile`.

    What was fetched once is at hand for as long as its folder is, whoever opens the file again.
    """

    def __init__(self, download: Download) -> None:
        self._download = download

    @property
    def location(self) -> str:
        return self._download.location

    @property
    def size(self) -> int:
        return self._download.entry.size

    @property
    def identity(self) -> str:
        return f"{self._download.entry.identity}:{self.size}"

    def view(self, start: int, stop: int) -> memoryview:
        self._check(start, stop)
        self._download.wait([(start, stop)])
        return self._download.spool.file.view(start, stop)

    def read(self, start: int, stop: int) -> bytes:
        self._check(start, stop)
        self._download.wait([(start, stop)])
        return self._download.spool.file.read(start, stop)

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """`read` of each range, in their order; those that are missing are fetched side by side."""
        for start, stop in ranges:
            self._check(start, stop)
        self._download.wait(ranges)
        return [self._download.spool.file.read(start, stop) for start, stop in ranges]

    def holds(self, start: int, stop: int) -> bool:
        return not self._download.spool.missing([(start, stop)])

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        for start, stop in ranges:
            self._check(start, stop)
        self._download.want(ranges, urgent=False)

    def release(self, start: int, stop: int) -> None:
        """Memory goes; the bytes stay on the disk."""
        self._download.spool.file.release(start, stop)

    def close(self) -> None:
        """Nothing is held that the folder does not hold."""

    def _check(self, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= self.size:
            raise MalformedFileError(
                f"bytes {start}..{stop} lie outside {self.location!r} of {self.size} bytes",
                location=self.location,
            )
