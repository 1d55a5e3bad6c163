"""Standard streams as they are: closed, full, without anybody who reads, or of an encoding of old."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from rowscope.inspector.errors import RefusedError

# Signs of ours that old encodings lack, each for one column.
_SIGNS: Final = str.maketrans("·→…␣×−≈≥≤", "->~_x-~><")

_BLOCK: Final = 1 << 20
"""Characters of a text in pieces that are written at once."""

_STREAMS: Final = (
    ("stdin", os.O_RDONLY, "r"),
    ("stdout", os.O_RDONLY, "w"),  # what cannot be written to fails, as a full disk does
    ("stderr", os.O_WRONLY, "w"),
)


def open_missing() -> None:
    """Streams that were closed when the program began (`>&-`) become such as can be asked and fail on use.

    Otherwise the next file that is opened gets their number, and what is printed goes into it.
    """
    for number, (name, flags, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        stream = open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)


def encoded(text: str) -> bytes:
    """Text for standard output: UTF-8, whatever the locale; a terminal gets what it can show."""
    if takes_unicode():
        return text.encode("utf-8", "backslashreplace")
    return text.translate(_SIGNS).encode(sys.stdout.encoding, "backslashreplace")


def takes_unicode() -> bool:
    """Whether standard output takes UTF-8: all but a terminal of another encoding."""
    encoding = (sys.stdout.encoding or "utf-8").lower().replace("-", "")
    return encoding in ("utf8", "utf8sig") or not sys.stdout.isatty()


def forget_output() -> None:
    """Nobody takes the output any more (`| head`): no second error when Python closes the stream."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _as_utf8(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def blocks(pieces: Iterable[str], encode: Callable[[str], bytes] = _as_utf8) -> Iterator[bytes]:
    """A text's bytes, a megabyte or a piece at a time."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield encode("".join(held))
            held, size = [], 0
    if held:
        yield encode("".join(held))


@contextmanager
def writing(output: str) -> Iterator[None]:
    """What the system has against a file, as a refusal that names it."""
    try:
        yield
    except OSError as error:
        raise RefusedError(
            f"cannot write {output!r}: {error.strerror}; give another --output", location=output
        ) from error
