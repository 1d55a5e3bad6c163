"""One keep-alive connection: bounded in the size of what comes before a body, and in time."""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote

if TYPE_CHECKING:
    import ssl

MOST_HEAD: Final = 1 << 16
"""Bytes that may come before a body. Real heads have 1 to 8 kB, signed addresses included."""

Origin = tuple[str, str, int]
"""Scheme, host and port: what may share a connection, and a secret."""

_PORTS: Final = {"http": 80, "https": 443}


class HeadTooLargeError(Exception):
    """A server that sends headers without end."""


def origin_of(url: SplitResult) -> Origin:
    """The origin of an address.

    Raises:
        ValueError: no HTTP address, no host, or a port that is no number.
    """
    if url.scheme not in _PORTS or not url.hostname:
        raise ValueError("not an address that starts with http:// or https:// and a host")
    return url.scheme, url.hostname, url.port or _PORTS[url.scheme]


class _Bounded(io.RawIOBase):
    """A socket's bytes, until a deadline and up to a number."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._timeout = timeout
        self.left: int | None = MOST_HEAD
        self.deadline = time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def allow(self) -> None:
        """Give the next bytes their full time; from now on they may be any number."""
        self.left = None
        self.deadline = time.monotonic() + self._timeout

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - a writable buffer
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError(f"no more came in {self._timeout:g} s")
        self._sock.settimeout(remaining)
        count = self._raw.readinto(buffer)
        if self.left is not None and count:
            self.left -= count
            if self.left < 0:
                raise HeadTooLargeError
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class Response(http.client.HTTPResponse):
    """An answer read through `_Bounded`."""

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *args, **named)
        self.fp.close()
        timeout = sock.gettimeout()
        self.bounded = _Bounded(sock, 30.0 if timeout is None else timeout)
        self.fp = io.BufferedReader(self.bounded)

    def allow(self) -> None:
        """See `_Bounded.allow`."""
        self.bounded.allow()


def connect(
    origin: Origin, timeout: float, proxy: SplitResult | None, trusted: Callable[[], ssl.SSLContext]
) -> http.client.HTTPConnection:
    """A connection, not yet open, to an origin or to the proxy in between; `trusted` are certificates."""
    scheme, host, port = origin
    if proxy is not None:
        assert proxy.hostname is not None
        host, port = proxy.hostname, proxy.port or 8080
    made = _Secure(host, port, timeout, trusted()) if scheme == "https" else _Plain(host, port, timeout)
    if proxy is not None and scheme == "https":
        made.set_tunnel(*origin[1:], headers=proxy_headers(proxy))
    return made


def proxy_headers(proxy: SplitResult) -> dict[str, str]:
    """What a proxy with a name and a password in its address wants to see."""
    return {"Proxy-Authorization": basic(proxy)} if proxy.username else {}


def basic(url: SplitResult) -> str:
    """The `Authorization` of a name and a password in an address."""
    import base64

    words = f"{unquote(url.username or '')}:{unquote(url.password or '')}"
    return f"Basic {base64.b64encode(words.encode()).decode()}"


class _Plain(http.client.HTTPConnection):
    response_class = Response

    def __init__(self, host: str, port: int, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._limit = timeout

    def putrequest(self, *args: Any, **named: Any) -> None:  # noqa: ANN401
        """A timeout that an earlier answer shortened is the full one again."""
        super().putrequest(*args, **named)
        if self.sock is not None:
            self.sock.settimeout(self._limit)


class _Secure(_Plain):
    """The same over TLS."""

    def __init__(self, host: str, port: int, timeout: float, trusted: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout)
        self._trusted = trusted

    def connect(self) -> None:
        super().connect()
        host = self._tunnel_host or self.host  # type: ignore[attr-defined]
        self.sock = self._trusted.wrap_socket(self.sock, server_hostname=host)
