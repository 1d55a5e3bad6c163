"""Small files and headers from disk: only regular files, never more than asked for, one clear error each."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from rowscope.inspector.errors import CheckpointError, MalformedFileError
from rowscope.inspector.storage.contents import unlike_text

MAX_VALUES = 2_000_000
"""Most values that one JSON document may list. Each costs Python some 100 bytes, whatever its length in
the file: without a limit a file of 100 MB fills 5 GB. The largest real headers have a tenth of it."""

_DIGEST_BLOCK = 16 << 20
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


def read_range(path: Path, start: int, stop: int) -> tuple[bytes, int]:
    """Bytes `[start, stop)`, fewer at the end of the file, and the size of the whole file.

    Raises:
        CheckpointError: the path is not a readable regular file.
    """
    try:
        # O_NONBLOCK: opening a FIFO that nobody writes to would otherwise wait for ever.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise CheckpointError(
                    f"{str(path)!r} is {kind_of(status.st_mode)}, not a regular file; "
                    "give a .safetensors file or a checkpoint folder",
                    location=str(path),
                )
            file.seek(start)
            return file.read(stop - start), status.st_size
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"cannot read {str(path)!r}: {reason(error)}; check the path and its permissions",
            location=str(path),
        ) from error


def read_json(path: Path, limit: int) -> Any:  # noqa: ANN401 - a JSON value
    """A JSON file as Python's json reads it, which is how the format's own libraries read it.

    Args:
        limit: size in bytes above which the file is refused unread.

    Raises:
        CheckpointError: the path is not a readable regular file.
        MalformedFileError: the file is too large or not JSON.
    """
    size = read_range(path, 0, 0)[1]
    if size > limit:
        raise MalformedFileError(
            f"{str(path)!r} has {size} bytes, above the limit of {limit} for a JSON file; "
            "check that it is the file you mean",
            location=str(path),
        )
    raw = read_range(path, 0, limit)[0]
    if too_many_values(raw):
        raise MalformedFileError(
            f"{str(path)!r} lists more than {MAX_VALUES:,} values; check that it is the file you mean",
            location=str(path),
        )
    content = None if raw[:1] in (b"{", b"[") else unlike_text(raw[:1024])
    if content is not None:
        raise MalformedFileError(
            f"{str(path)!r}: the content is {content.what}; {content.hint}", location=str(path)
        )
    try:
        return json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        fault = f"byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8"
    except json.JSONDecodeError as error:
        fault = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        fault = "its brackets are nested too deep"
    except ValueError as error:
        # int() refuses a literal of more digits than sys.get_int_max_str_digits().
        fault = f"not usable JSON: {error}"
    raise MalformedFileError(
        f"{str(path)!r}: {fault}; correct the file or download it again", location=str(path)
    )


def too_many_values(raw: bytes) -> bool:
    """Whether JSON text lists more than `MAX_VALUES` values; commas within strings do not count."""
    return raw.count(b",") > MAX_VALUES and _STRING.sub(b"", raw).count(b",") > MAX_VALUES


def reason(error: Exception) -> str:
    """Why the system refused, in its own words."""
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def kind_of(mode: int) -> str:
    """What `st_mode` says a path is, in words."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")


def digest(path: Path, algorithm: str, prefix: bytes = b"") -> str:
    """Hexadecimal digest of `prefix` and the file's bytes.

    Args:
        algorithm: a name of hashlib's, `sha256`.

    Raises:
        CheckpointError: the path is not a readable regular file.
    """
    import hashlib

    state = hashlib.new(algorithm, prefix, usedforsecurity=False)
    at = 0
    while data := read_range(path, at, at + _DIGEST_BLOCK)[0]:
        state.update(data)
        at += len(data)
    return state.hexdigest()
