"""JSON files of a checkpoint: bounded in size and count, with one clear error each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from rowscope.inspector.errors import MalformedFileError
from rowscope.inspector.storage.contents import unlike_text
from rowscope.inspector.storage.interface import File

MAX_VALUES = 2_000_000
"""Most values that one JSON document may list. Each costs Python some 100 bytes, whatever its length in
the file: without a limit a file of 100 MB fills 5 GB. The largest real headers have a tenth of it."""

_MOST_DIGITS = 308
_LONG, _FIVE = re.compile("[0-9]{309}"), re.compile("[0-9]{5}")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # one that does not end runs to the end of the text


def read_json(file: File, limit: int) -> Any:  # noqa: ANN401 - a JSON value
    """A JSON file as Python's json reads it, which is how the format's own libraries read it.

    Args:
        limit: size in bytes above which the file is refused unread.

    Raises:
        UnreadableError: no readable regular file.
        MalformedFileError: the file is too large or not JSON.
    """
    raw = file.read(limit, "a JSON file")
    content = None if raw[:1] in (b"{", b"[") else unlike_text(raw[:1024])
    if content is not None:
        raise MalformedFileError(
            f"{file.location!r}: the content is {content.what}; {content.hint}", location=file.location
        )
    if too_many_values(raw):
        raise MalformedFileError(
            f"{file.location!r} lists more than {MAX_VALUES:,} values; check that it is the file you mean",
            location=file.location,
        )
    try:
        return decode_json(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        fault = f"byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8"
    except json.JSONDecodeError as error:
        fault = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        fault = "its brackets are nested too deep"
    except ValueError as error:
        fault = f"not usable JSON: {error}"
    raise MalformedFileError(
        f"{file.location!r}: {fault}; correct the file or download it again", location=file.location
    )


def decode_json(text: str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:  # noqa: ANN401 - a JSON value
    """JSON text as Python's json reads it, `pairs` for each object; integers stay below the largest double.

    Python's own know no bound, and arithmetic with a larger one and a float raises OverflowError.

    Raises:
        ValueError, RecursionError: it is no JSON, or holds such an integer.
    """
    # A run of 309 digits shows in every 61st character as five: most texts need no more than that look.
    long = _FIVE.search(text[::61]) and _LONG.search(text)
    return json.loads(text, object_pairs_hook=pairs, parse_int=_integer if long else None)


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"{digits[:20]}… is an integer of {len(digits):,} digits")
    return int(digits)


def too_many_values(raw: bytes) -> bool:
    """Whether JSON text lists more than `MAX_VALUES` values; commas within strings do not count."""
    commas = raw.count(b",")
    if commas <= MAX_VALUES:
        return False
    return commas - sum(match[0].count(b",") for match in _STRING.finditer(raw)) > MAX_VALUES
