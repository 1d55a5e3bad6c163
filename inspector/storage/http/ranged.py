"""A range of a file over HTTP: redirects followed, faults that pass tried again from where they struck."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit

from rowscope.inspector.errors import RemoteError
from rowscope.inspector.storage.http.answers import Known, Span, check_same, check_span
from rowscope.inspector.storage.http.client import Client, StaleConnectionError
from rowscope.inspector.storage.http.connection import HeadTooLargeError, Response, origin_of
from rowscope.inspector.storage.http.patience import Passing, Waiting, asked_pause
from rowscope.inspector.storage.http.refusals import PASSING, PLAIN, Advice, refusal, said_by
from rowscope.inspector.storage.pace import Pace
from rowscope.inspector.storage.remote.options import Patience

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS: Final = 5
_SLICE: Final = 256 << 10
_EXPIRED: Final = frozenset({400, 401, 403, 404, 410})
_MOST_EXPIRED: Final = 3
_QUOTED: Final = 2048

Result = TypeVar("Result")

Deliver = Callable[[int, memoryview], None]
"""Takes bytes as they come: their position in the file, and a view that is valid until it returns."""


@dataclass
class Target:
    """A file at an address.

    Attributes:
        known: how messages spell it, and what earlier answers said of it.
        url: its address.
        headers: sent to the origin of that address and to no other.
        advice: next steps where it is refused.
        final: where the address led: asked first from then on.
        expired: how often such a place refused what it had given before.
        said: headers of the answer, the first redirect's before its own.
    """

    known: Known
    url: SplitResult
    headers: Mapping[str, str] = field(default_factory=dict)
    advice: Advice = PLAIN
    final: SplitResult | None = None
    expired: int = 0
    said: Mapping[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


class Getter:
    """Fetches ranges through a client."""

    def __init__(self, client: Client, patience: Patience, pace: Pace) -> None:
        self._client = client
        self._patience = patience
        self._pace = pace

    def fetch(self, target: Target, start: int, stop: int, deliver: Deliver) -> Span:
        """Deliver bytes [start, stop) of a file, fewer at its end, in order and each once.

        Raises:
            MalformedFileError: the file changed since it was first asked for.
            UnreadableError: the server refuses it (401, 403) or has none (404).
            RemoteError: everything else that is not the file.
        """
        progress = _Progress(start, deliver)

        def attempt() -> Span:
            headers = {"Range": f"bytes={progress.at}-{max(stop, progress.at + 1) - 1}"}
            return self._follow(
                target, headers, lambda response: self._take(target, response, progress, stop)
            )

        return self._patiently(target, attempt, lambda: progress.at)

    def document(self, target: Target, most: int) -> bytes:
        """The body of an answer 200, of at most so many bytes: not a file but what a server says.

        Raises:
            UnreadableError, RemoteError: as `fetch`.
        """

        def take(response: Response) -> bytes:
            if response.status != HTTPStatus.OK:
                raise self._refused(target, response)
            body = bytearray()
            while len(body) <= most:
                response.allow()
                data = response.read(_SLICE)
                if not data:
                    return bytes(body)
                body += data
            raise _fault(target, f"answers with more than {most} bytes")

        return self._patiently(target, lambda: self._follow(target, {}, take), lambda: 0)

    def _patiently(self, target: Target, attempt: Callable[[], Result], place: Callable[[], int]) -> Result:
        """Repeat an attempt while its fault may pass; `place` says how far it has come."""
        waiting = Waiting(self._patience, target.known.location)
        while True:
            before = place()
            try:
                return attempt()
            except Passing as fault:
                waiting.wait(fault, place() > before)
            except StaleConnectionError:
                waiting.again()
            except HeadTooLargeError as error:
                raise _fault(target, "sends headers without end") from error
            except ssl.SSLCertVerificationError as error:
                what = f"shows a certificate that is not trusted ({error.verify_message})"
                raise _fault(target, what) from error
            except (OSError, http.client.HTTPException) as error:
                brief = isinstance(error, (socket.gaierror, ConnectionRefusedError))
                waiting.wait(Passing(_words(error), brief=brief), place() > before)

    def _follow(
        self, target: Target, headers: Mapping[str, str], take: Callable[[Response], Result]
    ) -> Result:
        """Send a request, to wherever redirects lead, and take the answer."""
        said: dict[str, str] = {}
        url = target.final or target.url
        for _ in range(MOST_REDIRECTS + 1):
            secret = target.headers if origin_of(url) == origin_of(target.url) else {}
            began = time.monotonic()
            with self._client.get(url, {**headers, **secret}) as response:
                self._pace.answered(time.monotonic() - began)
                if response.status not in REDIRECTS:
                    if url is target.final and response.status in _EXPIRED:
                        target.final = None
                        target.expired += 1
                        raise StaleConnectionError
                    target.said = {**dict(response.headers), **said}
                    found = take(response)
                    # Signed addresses may be good for one range alone: such ones are not asked again.
                    keep = url is not target.url and target.expired < _MOST_EXPIRED
                    target.final = url if keep else None
                    return found
                said = {**dict(response.headers), **said}
                following = _next(target, url, response)
                response.read(_QUOTED)
            url = following
        raise _fault(
            target, f"redirects more than {MOST_REDIRECTS} times, last to {url.scheme}://{url.hostname}"
        )

    def _take(self, target: Target, response: Response, progress: _Progress, stop: int) -> Span:
        if response.status not in (200, 206, 416):
            raise self._refused(target, response)
        span = check_span(response, target.known, progress.at, stop)
        with target.lock:
            target.known = replace(target.known, size=span.size, identity=span.identity)
        if response.status == 416:
            response.read(_QUOTED)
        else:
            self._body(target, response, progress, span)
        return span

    def _refused(self, target: Target, response: Response) -> Exception:
        body = response.read(_QUOTED)
        if response.status in PASSING:
            pause = asked_pause(response.headers.get("Retry-After"))
            return Passing(f"the server answers {response.status}", pause, response.status)
        said = said_by(dict(response.headers), body)
        return refusal(response.status, target.known.location, target.advice, said)

    def _body(self, target: Target, response: Response, progress: _Progress, span: Span) -> None:
        room = memoryview(bytearray(min(_SLICE, max(span.stop - progress.at, 1))))
        first = progress.at
        with self._pace.body() as measured:
            while progress.at < span.stop:
                response.allow()
                count = response.readinto(room[: min(len(room), span.stop - progress.at)])
                if not count:
                    came = f"{progress.at - first} of {span.stop - first}"
                    raise Passing(f"the body ended after {came} bytes")
                # Nothing may follow the last bytes; asked for before they count, it also ends the exchange.
                if progress.at + count == span.stop and response.read(1):
                    check_same(target.known, replace(span, size=span.size + 1))
                progress.take(room[:count])
            measured(progress.at - first)


class _Progress:
    """How far a range has come."""

    def __init__(self, at: int, deliver: Deliver) -> None:
        self.at = at
        self._deliver = deliver

    def take(self, data: memoryview) -> None:
        self._deliver(self.at, data)
        self.at += len(data)


def _next(target: Target, url: SplitResult, response: Response) -> SplitResult:
    """Where a redirect leads; only HTTP, and never from a secured place to an open one."""
    stated = response.headers.get("Location", "")
    found = urlsplit(urljoin(url.geturl(), stated))
    try:
        origin_of(found)
    except ValueError as error:
        raise _fault(target, f"redirects to {stated[:80]!r}, {error}") from error
    if url.scheme == "https" and found.scheme != "https":
        raise _fault(
            target, f"redirects from https:// to {found.scheme}://{found.hostname}, which is not secured"
        )
    return found


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer, or too slowly"
    if isinstance(error, http.client.IncompleteRead):
        return "the body ended before its end"
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).rstrip(".")
    return f"its answer is no HTTP ({type(error).__name__})"


def _fault(target: Target, what: str) -> RemoteError:
    location = target.known.location
    return RemoteError(
        f"{location!r}: the server {what}; check the address, or download the checkpoint and give its folder",
        location=location,
    )
