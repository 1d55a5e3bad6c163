"""Keep-alive connections to any number of origins; counts requests, and can be stopped."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlunsplit

import rowscope
from rowscope.inspector.storage.http.connection import Origin, Response, connect, origin_of, proxy_headers
from rowscope.inspector.storage.http.proxies import proxy_for
from rowscope.inspector.storage.traffic import Traffic

if TYPE_CHECKING:
    import ssl

_HEADERS = {
    "User-Agent": f"rowscope/{rowscope.__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}


class StaleConnectionError(Exception):
    """A connection that was kept, and that the server had closed meanwhile."""


class Client:
    """Sends requests; several threads may share one.

    Args:
        timeout: see `Patience`.
        traffic: what counts the requests.
    """

    def __init__(self, timeout: float, traffic: Traffic) -> None:
        self._timeout = timeout
        self._traffic = traffic
        self._idle: dict[Origin, list[http.client.HTTPConnection]] = {}
        self._open: set[http.client.HTTPConnection] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._context: ssl.SSLContext | None = None

    @contextlib.contextmanager
    def get(self, url: SplitResult, headers: Mapping[str, str]) -> Iterator[Response]:
        """Send a request and give the head of its answer; redirects and refusals are answers like others.

        The connection is kept where the body was read to its end.

        Raises:
            OSError, http.client.HTTPException, HeadTooLargeError: nothing usable came.
            StaleConnectionError: nothing came over a connection that had been kept.
        """
        origin = origin_of(url)
        proxy = proxy_for(origin)
        kept = self._take(origin)
        connection = kept or connect(origin, self._timeout, proxy, self._trusted)
        with self._lock:
            self._open.add(connection)
        done = False
        try:
            try:
                response = self._send(connection, url, origin, headers, proxy)
            except (ConnectionError, http.client.BadStatusLine) as error:
                raise (StaleConnectionError() if kept is not None else error) from error
            with response:
                yield response
                done = response.isclosed() and not response.will_close
        finally:
            self._give_back(origin, connection, done)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        url: SplitResult,
        origin: Origin,
        headers: Mapping[str, str],
        proxy: SplitResult | None,
    ) -> Response:
        target = urlunsplit(("", "", url.path or "/", url.query, ""))
        through = {}
        if proxy is not None and origin[0] == "http":
            target = urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path or "/", url.query, ""))
            through = proxy_headers(proxy)
        self._traffic.request()
        host = url.netloc.rpartition("@")[2]
        connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": host, **_HEADERS, **through, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        assert isinstance(response, Response)
        response.allow()
        return response

    def _trusted(self) -> ssl.SSLContext:
        """The certificates that the system trusts, read once: it takes some hundredths of a second."""
        with self._lock:
            if self._context is None:
                import ssl

                self._context = ssl.create_default_context()
            return self._context

    def _take(self, origin: Origin) -> http.client.HTTPConnection | None:
        with self._lock:
            if self._stopped:
                raise ConnectionAbortedError("stopped")
            idle = self._idle.get(origin)
            return idle.pop() if idle else None

    def _give_back(self, origin: Origin, connection: http.client.HTTPConnection, whole: bool) -> None:
        with self._lock:
            self._open.discard(connection)
            keep = whole and not self._stopped and connection.sock is not None
            if keep:
                self._idle.setdefault(origin, []).append(connection)
        if not keep:
            connection.close()

    def stop(self) -> None:
        """End every exchange under way, in whatever thread, and refuse further ones."""
        with self._lock:
            self._stopped = True
            connections = [*self._open, *(one for idle in self._idle.values() for one in idle)]
            self._idle.clear()
        for connection in connections:
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
