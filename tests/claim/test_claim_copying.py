"""Copies past the page cache and through it: the same bytes at every size, the same errors."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from rowscope.inspector.claim.disk import copying
from rowscope.inspector.claim.disk.disk import Disk
from rowscope.inspector.claim.disk.transfer import copy_file

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="direct writing is Linux's")

PIECE: Final = 1 << 14
BLOCK: Final = copying.ALIGNMENT
SIZES: Final = sorted(
    {0, 1, 511, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK}
    | {pieces * PIECE + more for pieces in (1, 2, 5) for more in (-BLOCK, -1, 0, 1, 511, BLOCK)}
)

Open = Callable[[int], tuple[int, int]]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "PIECE", PIECE)
    monkeypatch.setattr(copying, "_KERNEL_PIECE", PIECE)
    monkeypatch.setattr(copying, "DIRECT_FROM", 1)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Open]:
    """open(size) -> a source of that many bytes, and an empty target."""
    opened: list[int] = []

    def open_pair(size: int) -> tuple[int, int]:
        (tmp_path / "source").write_bytes(content(size))
        source = os.open(tmp_path / "source", os.O_RDWR)
        opened.append(source)
        target = Disk().create(tmp_path / "target")
        opened.append(target)
        return source, target

    yield open_pair
    for file in opened:
        os.close(file)


def content(size: int) -> bytes:
    return b"".join(at.to_bytes(4, "little") for at in range(size // 4 + 1))[:size]


def written(target: int) -> bytes:
    return os.pread(target, os.fstat(target).st_size + 1, 0)


def is_direct(file: int) -> bool:
    return bool(fcntl.fcntl(file, fcntl.F_GETFL) & os.O_DIRECT)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_copied_to_the_last_byte(files: Open, size: int) -> None:
    source, target = files(size)
    copying.copy_range(source, target, 0, size)
    assert written(target) == content(size)
    assert not is_direct(target)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("refusing", ["fcntl", "pwrite", "mmap"])
def test_where_direct_writing_is_refused(
    files: Open, monkeypatch: pytest.MonkeyPatch, size: int, refusing: str
) -> None:
    source, target = files(size)
    refuse_direct(monkeypatch, refusing)
    copying.copy_range(source, target, 0, size)
    assert written(target) == content(size)
    assert not is_direct(target)


def refuse_direct(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """As file systems without it do: when the flag is set, or when it is used; or no map of the source."""
    real_fcntl, real_pwrite = fcntl.fcntl, os.pwrite

    def set_flags(file: int, command: int, argument: int = 0) -> int:
        if argument & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return real_fcntl(file, command, argument)

    def write(file: int, data: Any, offset: int) -> int:
        if is_direct(file):
            raise OSError(errno.EINVAL, "Invalid argument")
        return real_pwrite(file, data, offset)

    def no_map(*arguments: Any, **options: Any) -> Any:
        raise OSError(errno.ENODEV, "No such device")

    if what == "fcntl":
        monkeypatch.setattr(fcntl, "fcntl", set_flags)
    elif what == "pwrite":
        monkeypatch.setattr(os, "pwrite", write)
    else:
        monkeypatch.setattr(copying.mmap, "mmap", no_map)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("number", [errno.EXDEV, errno.EINVAL, errno.ENOSYS])
def test_where_the_kernel_does_not_copy_either(
    files: Open, monkeypatch: pytest.MonkeyPatch, size: int, number: int
) -> None:
    def refuse(*arguments: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    source, target = files(size)
    copying.copy_buffered(source, target, 0, size)
    assert written(target) == content(size)


def test_a_part_of_a_file_is_copied_to_its_own_place(files: Open) -> None:
    source, target = files(5 * PIECE)
    parts = [0, 100, BLOCK, BLOCK + 1, PIECE, 3 * PIECE + 7, 5 * PIECE]
    for start, stop in reversed(list(pairwise(parts))):
        copying.copy_range(source, target, start, stop)
    assert written(target) == content(5 * PIECE)


def test_a_write_that_comes_short_is_gone_on_with(files: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = files(3 * PIECE)
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: real(file, data[: BLOCK // 2 + BLOCK], at))
    copying.copy_range(source, target, 0, 3 * PIECE)
    assert written(target) == content(3 * PIECE)


def test_this_file_system_takes_direct_writes_of_all_whole_blocks(files: Open) -> None:
    source, target = files(3 * PIECE)
    reached = copying.copy_direct(source, target, 0, 3 * PIECE)
    if reached == 0:
        pytest.skip("no direct writing here")
    assert reached == 3 * PIECE


@pytest.mark.parametrize("left", [0, 1, BLOCK, PIECE + 1])
@pytest.mark.parametrize("moment", ["before", "mapped"])
def test_a_source_that_shrinks_is_an_error(
    files: Open, monkeypatch: pytest.MonkeyPatch, left: int, moment: str
) -> None:
    size = 3 * PIECE + 5
    source, target = files(size)
    real = os.pwrite

    def shrink(file: int, data: Any, offset: int) -> int:
        os.ftruncate(source, left)
        return real(file, data, offset)

    if moment == "before":
        os.ftruncate(source, left)
    else:
        monkeypatch.setattr(os, "pwrite", shrink)
    with pytest.raises(OSError, match="the source ended at byte") as caught:
        copying.copy_range(source, target, 0, size)
    assert caught.value.errno == errno.EIO
    assert not is_direct(target)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG])
def test_errors_of_the_disk_are_passed_on(files: Open, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(*arguments: Any) -> int:
        raise OSError(number, os.strerror(number))

    source, target = files(2 * PIECE)
    monkeypatch.setattr(os, "pwrite", fail)
    monkeypatch.setattr(os, "copy_file_range", fail)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))):
        copying.copy_range(source, target, 0, 2 * PIECE)
    assert not is_direct(target)


def test_a_page_that_cannot_be_read_is_the_error_of_reading_it(
    files: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad block in a map is a bad address for the write; the ordinary way says what it is."""

    def unreadable(*arguments: Any) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def bad_address(*arguments: Any) -> int:
        raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))

    source, target = files(2 * PIECE)
    monkeypatch.setattr(os, "pwrite", bad_address)
    monkeypatch.setattr(os, "copy_file_range", unreadable)
    with pytest.raises(OSError, match=re.escape(os.strerror(errno.EIO))):
        copying.copy_range(source, target, 0, 2 * PIECE)


@pytest.mark.parametrize("size", [0, 100, PIECE + 100])
@pytest.mark.parametrize("mode", [0o640, 0o400, 0o755])
def test_permissions_are_kept(tmp_path: Path, size: int, mode: int) -> None:
    (tmp_path / "source").write_bytes(content(size))
    (tmp_path / "source").chmod(mode)
    copy_file(Disk(), tmp_path / "source", tmp_path / "target")
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == mode
    assert (tmp_path / "target").read_bytes() == content(size)


def test_holes_are_copied_as_zeros(tmp_path: Path) -> None:
    with (tmp_path / "source").open("wb") as file:
        file.seek(2 * PIECE)
        file.write(b"end")
    copy_file(Disk(), tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == bytes(2 * PIECE) + b"end"
