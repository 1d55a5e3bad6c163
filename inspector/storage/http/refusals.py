"""What a server's refusal means, and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from rowscope.inspector.errors import RemoteError, RowscopeError
from rowscope.inspector.storage.contents import unlike_tensors, unlike_text
from rowscope.inspector.storage.interface import UnreadableError

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that a later attempt may not get."""

MISSING: Final = "No such file or directory"
"""Why a file cannot be read that is not there: the words of a disk."""

DENIED: Final = "Permission denied"


class Advice(NamedTuple):
    """Next steps where a place refuses: without a token or a signature, with one, where there is nothing."""

    unknown: str
    denied: str
    missing: str


PLAIN: Final = Advice(
    "the address needs a name and a password, or a signature: https://NAME:PASSWORD@HOST/...",
    "the address is right but not open to you: ask for access, or for a signed address that has not expired",
    "check the address",
)


def refusal(status: int, location: str, advice: Advice, said: str) -> RowscopeError:
    """The error for an answer that is none of a file: 401, 403, 404 and 410 as those of a disk.

    Args:
        said: what the server said, quoted; may be empty.
    """
    words = _phrase(status)
    quoted = f" ({said})" if said else ""
    step = {401: advice.unknown, 403: advice.denied, 404: advice.missing, 410: advice.missing}.get(status)
    if step is None:
        return RemoteError(
            f"{location!r}: the server answers {words}{quoted}; {_others(status)}", location=location
        )
    why = DENIED if status in (401, 403) else MISSING
    return UnreadableError(
        f"cannot read {location!r}: {why}: the server answers {words}{quoted}; {step}",
        why=why,
        location=location,
    )


def missing(error: UnreadableError) -> bool:
    """Whether an error says that there is no such file, rather than that it may not be read."""
    return error.why == MISSING


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _others(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "it asks for fewer requests: wait some minutes, or sign in, which raises the limit"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "that is a fault of the server: try again later"
    return "check the address"


def said_by(headers: Mapping[str, str], body: bytes) -> str:
    """What a server said in a refusal: the hub's own header, else the beginning of its text, quoted."""
    message = headers.get("X-Error-Message")
    if message:
        return repr(message[:200])
    content = unlike_text(body) or (unlike_tensors(body) if body else None)
    return content.what if content is not None else ""
