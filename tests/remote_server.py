"""A server for tests: files by path, with ranges, latency and bandwidth, and faults by path."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_BLOCK = 64 << 10

Fault = Callable[["Handler"], bool]
"""Answers a request in its own way and returns True, or returns False to have it answered as usual."""


@dataclass
class Line:
    """A simulated line: seconds before an answer, bytes a second over all connections together."""

    latency: float = 0.0
    bandwidth: float = float("inf")
    _free: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, bytes: int) -> None:
        """Wait until the line has taken so many bytes."""
        if self.bandwidth == float("inf"):
            return
        with self._lock:
            self._free = max(self._free, time.perf_counter()) + bytes / self.bandwidth
            until = self._free
        left = until - time.perf_counter()
        if left > 0.001:
            time.sleep(left)


class Server:
    """Serves `files` (path -> bytes) on a free port of this machine.

    Attributes:
        files: what is served; may be changed at any time.
        faults: path -> what to do instead.
        seen: (path, headers) of every request, in order.
        sent: bytes of bodies by path.
        etags: path -> entity tag, else a digest of the content.
        fallback: answers what has no fault of its own.
    """

    def __init__(self, files: dict[str, bytes] | None = None, line: Line | None = None) -> None:
        self.files = files if files is not None else {}
        self.faults: dict[str, Fault] = {}
        self.fallback: Fault | None = None
        self.etags: dict[str, str] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.sent: Counter[str] = Counter()
        self.line = line or Line()
        handler = type("Bound", (Handler,), {"owner": self})
        self._server = _Listening(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def secure(self, context: ssl.SSLContext) -> None:
        """From now on speak TLS."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def etag(self, path: str) -> str:
        return self.etags.get(path) or f'"{sha256(self.files[path]).hexdigest()[:32]}"'

    def asked(self, path: str) -> list[dict[str, str]]:
        """Headers of the requests for a path."""
        return [headers for at, headers in self.seen if at == path]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Listening(ThreadingHTTPServer):
    request_queue_size = 128  # more than one client connects at once


class Handler(BaseHTTPRequestHandler):
    """Answers for its `owner`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: Server

    def do_GET(self) -> None:
        owner = self.owner
        self.at = unquote(urlsplit(self.path).path)
        owner.seen.append((self.at, dict(self.headers)))
        if owner.line.latency:
            time.sleep(owner.line.latency)
        fault = owner.faults.get(self.at, owner.fallback)
        if fault is None or not fault(self):
            self.serve()

    def serve(self) -> None:
        """Answer as a sound server does."""
        data = self.owner.files.get(self.at)
        if data is None:
            self.answer(404, b"Not Found")
            return
        self.serve_bytes(data, {"ETag": self.owner.etag(self.at), "Accept-Ranges": "bytes"})

    def serve_bytes(self, data: bytes, headers: dict[str, str]) -> None:
        """Answer with a file, or the range of it that is asked for."""
        match = _RANGE.fullmatch(self.headers.get("Range", ""))
        if match is None:
            self.answer(200, data, headers)
            return
        start, stop = int(match[1]), min(int(match[2]) + 1, len(data))
        if start >= len(data):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        self.answer(206, memoryview(data)[start:stop], headers)

    def answer(
        self, status: int, body: bytes | memoryview = b"", headers: dict[str, str] | None = None
    ) -> None:
        """Send a whole answer, at the speed of the line."""
        headers = headers or {}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        view = memoryview(body)
        for start in range(0, len(view), _BLOCK):
            part = view[start : start + _BLOCK]
            self.owner.line.send(len(part))
            self.wfile.write(part)
            self.owner.sent[self.at] += len(part)

    def drop(self) -> None:
        """Reset the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close_connection = True
        self.connection.close()

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):  # the client has gone, or we have
            self.close_connection = True

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *words: object) -> None:
        """Say nothing."""
