"""Serve a folder over HTTP with ranges, a latency and a bandwidth: `serve.py FOLDER SECONDS BYTES_A_SECOND`.

Prints its port. The bandwidth is that of one line which all connections share; a connection costs a latency
to open, and each answer another.
"""

import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER, LATENCY, BANDWIDTH = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
BLOCK = 256 << 10
RANGE = re.compile(r"bytes=(\d+)-(\d+)")


class Line:
    """When so many bytes will have gone through."""

    def __init__(self) -> None:
        self._free = 0.0
        self._lock = threading.Lock()

    def wait(self, count: int) -> None:
        with self._lock:
            self._free = max(self._free, time.perf_counter()) + count / BANDWIDTH
            until = self._free
        left = until - time.perf_counter()
        if left > 0.0005:
            time.sleep(left)


LINE = Line()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        time.sleep(LATENCY)
        super().setup()

    def do_GET(self) -> None:
        time.sleep(LATENCY)
        path = FOLDER / self.path.lstrip("/")
        match = RANGE.fullmatch(self.headers.get("Range", ""))
        if match is None or not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            start, stop = int(match[1]), min(int(match[2]) + 1, status.st_size)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{status.st_size}")
            self.send_header("Content-Length", str(stop - start))
            self.send_header("ETag", f'"{status.st_mtime_ns}"')
            self.end_headers()
            self.wfile.flush()
            while start < stop:
                count = min(BLOCK, stop - start)
                LINE.wait(count)
                start += os.sendfile(self.connection.fileno(), file.fileno(), start, count)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, *words: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
