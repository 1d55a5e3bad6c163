"""What an answer to a request for a range claims, held against what was asked for."""

from __future__ import annotations

import re

from rowscope.inspector.errors import MalformedFileError, RemoteError
from rowscope.inspector.frozen import record
from rowscope.inspector.storage.http.connection import Response

_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
_NOTHING = re.compile(r"bytes \*/(\d{1,19})")


@record
class Known:
    """What is known of a file from before: None where an answer has yet to say it."""

    location: str
    size: int | None = None
    identity: str | None = None


@record
class Span:
    """What a body holds: bytes [start, stop) of a file of `size` bytes with this identity."""

    start: int
    stop: int
    size: int
    identity: str


def check_span(response: Response, known: Known, start: int, stop: int) -> Span:
    """The bytes that an answer 200, 206 or 416 brings: those asked for, or fewer at the end of the file.

    Raises:
        MalformedFileError: it is another file than before.
        RemoteError: it brings other bytes than were asked for.
    """
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise _wrong(known, f"sent the bytes as {encoding[:40]!r}, though they were asked for as they are")
    if response.status == 206:
        span = _part(response, known, start, stop)
    elif response.status == 416:
        span = _beyond(response, known, start)
    else:
        span = _whole(response, known, start, stop)
    check_same(known, span)
    return span


def check_same(known: Known, span: Span) -> None:
    """Raise MalformedFileError where a file is not the one that it was."""
    if known.size is not None and span.size != known.size:
        verb = "shrank" if span.size < known.size else "grew"
        fault = f"{verb} from {known.size} to {span.size} bytes"
    elif known.identity is not None and span.identity != known.identity:
        fault = f"changed (it was {known.identity}, it is {span.identity})"
    else:
        return
    raise MalformedFileError(
        f"{known.location!r} {fault} while it was read; wait until it is written completely and run again",
        location=known.location,
    )


def identity_of(response: Response) -> str:
    """What changes when the bytes do: the entity tag, else the time of the last change; may be empty."""
    tag: str = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    return tag.removeprefix("W/")  # the same bytes as a weak tag, where some copies of a cache state one


def _part(response: Response, known: Known, start: int, stop: int) -> Span:
    stated = response.headers.get("Content-Range", "")
    match = _RANGE.fullmatch(stated.strip())
    if match is None:
        kind = response.headers.get("Content-Type", "")
        several = " (several ranges in one body)" if kind.startswith("multipart/") else ""
        raise _wrong(known, f"sent a part and says of it {stated[:80]!r}{several}, which is no range")
    first, last, size = (int(number) for number in match.groups())
    if first != start or last + 1 != min(stop, size):
        asked = f"{start}-{stop - 1}"
        raise _wrong(known, f"was asked for bytes {asked} and sent {first}-{last} of {size}")
    length = response.headers.get("Content-Length")
    if length is not None and length != str(last + 1 - first):
        raise _wrong(known, f"sends {length[:20]} bytes as the range {first}-{last}")
    return Span(first, last + 1, size, identity_of(response))


def _beyond(response: Response, known: Known, start: int) -> Span:
    """A range outside of the file: right for an empty one."""
    match = _NOTHING.fullmatch(response.headers.get("Content-Range", "").strip())
    size = int(match[1]) if match else -1
    if size < 0 or start < size:
        raise _wrong(known, f"refused bytes from {start} on as outside of the file")
    return Span(size, size, size, identity_of(response))


def _whole(response: Response, known: Known, start: int, stop: int) -> Span:
    """The whole file though a range was asked for: taken where that is no more than was asked for."""
    length = response.headers.get("Content-Length", "")
    if start == 0 and length.isdecimal() and int(length) <= stop:
        return Span(0, int(length), int(length), identity_of(response))
    if start == 0 and not length and known.size is not None and known.size <= stop:
        return Span(0, known.size, known.size, identity_of(response))
    kind = response.headers.get("Content-Type", "")
    what = f" of {length[:20]} bytes" if length else ""
    quoted = ""
    if kind.startswith(("text/", "application/json")):
        quoted = f" and begins {response.read(200)!r}"
    raise _wrong(
        known,
        f"was asked for bytes {start}-{stop - 1} and answers 200 with a whole body{what} "
        f"({kind[:60]!r}){quoted}",
        "it serves no ranges (or a page in place of the file): download the checkpoint and give its folder",
    )


def _wrong(known: Known, fault: str, step: str = "") -> RemoteError:
    step = step or "a server or a cache in between is at fault: download the checkpoint and give its folder"
    return RemoteError(f"{known.location!r}: the server {fault}; {step}", location=known.location)
