"""JSON files of a checkpoint: bounded in size and count, with one clear error each."""

from __future__ import annotations

import json
import re
from typing import Any

from rowscope.inspector.errors import MalformedFileError
from rowscope.inspector.storage.contents import unlike_text
from rowscope.inspector.storage.interface import File

MAX_VALUES = 2_000_000
"""Most values that one JSON document may list. Each costs Python some 100 bytes, whatever its length in
the file: without a limit a file of 100 MB fills 5 GB. The largest real headers have a tenth of it."""

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
        f"{file.location!r}: {fault}; correct the file or download it again", location=file.location
    )


def too_many_values(raw: bytes) -> bool:
    """Whether JSON text lists more than `MAX_VALUES` values; commas within strings do not count."""
    commas = raw.count(b",")
    if commas <= MAX_VALUES:
        return False
    return commas - sum(match[0].count(b",") for match in _STRING.finditer(raw)) > MAX_VALUES
