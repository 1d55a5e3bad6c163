"""What servers do wrong: one clear error each, exit 3, and never other bytes than the file's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.errors import MalformedFileError, RemoteError, RowscopeError
from rowscope.inspector.rows import open_rows
from rowscope.inspector.storage import Patience, RemoteOptions, UnreadableError

from ..remote_server import Fault, Handler, Server

ROWS = np.arange(40_000 * 64, dtype="f4").reshape(40_000, 64)  # 10 MB
WEIGHTS = save({"model.embed_tokens.weight": ROWS})
MODEL = "/m/model.safetensors"
QUICK = RemoteOptions(patience=Patience(timeout=10, attempts=3, pause=0.01, longest=5))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server({MODEL: WEIGHTS, "/m/config.json": b'{"vocab_size": 40000, "hidden_size": 64}'}) as found:
        yield found


def rows(server: Server, options: RemoteOptions = QUICK) -> Any:
    checkpoint = open_checkpoint(f"{server.url}/m/", remote=options)
    with open_rows(checkpoint.matrices[0]) as reader:
        return reader.block(0, reader.rows).copy().view("f4")


def data_only(fault: Fault) -> Fault:
    """The fault for all requests but that for the file's beginning."""
    return lambda handler: not handler.headers["Range"].startswith("bytes=0-") and fault(handler)


def times(count: int, fault: Fault) -> Fault:
    """The fault so many times, then none."""
    lock, left = threading.Lock(), [count]

    def some(handler: Handler) -> bool:
        with lock:
            left[0] -= 1
            strike = left[0] >= 0
        return strike and fault(handler)

    return some


def answer(status: int, body: bytes = b"", **headers: str) -> Fault:
    def fault(handler: Handler) -> bool:
        handler.answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return fault


def claiming(change: Callable[[int, int, int], str], **more: str) -> Fault:
    """A part with another Content-Range than its own."""

    def fault(handler: Handler) -> bool:
        start, stop = (int(part) for part in handler.headers["Range"][6:].split("-"))
        stop = min(stop + 1, len(WEIGHTS))
        stated = change(start, stop - 1, len(WEIGHTS))
        headers = {"Content-Range": stated, "ETag": handler.owner.etag(MODEL), **more}
        handler.answer(206, WEIGHTS[start:stop], headers)
        return True

    return fault


def cut(after: int, reset: bool = False) -> Fault:
    """A body that ends early, by an orderly end or a reset."""

    def fault(handler: Handler) -> bool:
        start, stop = (int(part) for part in handler.headers["Range"][6:].split("-"))
        stop = min(stop + 1, len(WEIGHTS))
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(WEIGHTS)}")
        handler.send_header("Content-Length", str(stop - start))
        handler.send_header("ETag", handler.owner.etag(MODEL))
        handler.end_headers()
        handler.wfile.write(WEIGHTS[start : min(stop, start + after)])
        handler.close_connection = True
        if reset:
            handler.wfile.flush()
            handler.drop()
        return True

    return fault


def reset(handler: Handler) -> bool:
    handler.drop()
    return True


def head_cut(handler: Handler) -> bool:
    handler.wfile.write(b"HTTP/1.1 206 Partial Content\r\nContent-Ra")
    handler.drop()
    return True


def test_the_bytes_are_those_of_the_file(server: Server) -> None:
    np.testing.assert_array_equal(rows(server), ROWS)


PASSING = {
    "reset before the head": reset,
    "reset within the head": head_cut,
    "reset within the body": cut(0, reset=True),
    "short body": cut(300_000),
    "no body": cut(0),
    "429": answer(429, Retry_After="0"),
    "503": answer(503, b"busy"),
    "429 until a date": answer(429, Retry_After="Thu, 01 Jan 2015 00:00:00 GMT"),
}


@pytest.mark.parametrize("name", PASSING)
def test_faults_that_pass_are_tried_again(server: Server, name: str) -> None:
    server.faults[MODEL] = data_only(times(2, PASSING[name]))
    np.testing.assert_array_equal(rows(server), ROWS)
    assert len(server.asked(MODEL)) >= 3


@pytest.mark.parametrize("name", PASSING)
def test_and_end_in_one_error_where_they_do_not(server: Server, name: str) -> None:
    server.faults[MODEL] = data_only(PASSING[name])
    if name == "short body":
        np.testing.assert_array_equal(rows(server), ROWS)  # each attempt brings some
        return
    with pytest.raises(RemoteError, match="times in a row") as caught:
        rows(server)
    assert caught.value.exit_code == 3
    assert f"{server.url}{MODEL}" in caught.value.message


def test_what_came_before_a_cut_is_not_fetched_again(server: Server) -> None:
    server.faults[MODEL] = data_only(times(3, cut(300_000)))
    np.testing.assert_array_equal(rows(server), ROWS)
    assert sum(server.sent.values()) < 1.001 * len(WEIGHTS)


WRONG = {
    "another start": claiming(lambda a, b, n: f"bytes {a + 1}-{b + 1}/{n}"),
    "another end": claiming(lambda a, b, n: f"bytes {a}-{b - 1}/{n}"),
    "no total": claiming(lambda a, b, n: f"bytes {a}-{b}/*"),
    "no range": claiming(lambda a, b, n: "rows 5-7"),
    "another length": claiming(lambda a, b, n: f"bytes {a}-{b}/{n}", **{"Content-Length": "7"}),
    "compressed": claiming(lambda a, b, n: f"bytes {a}-{b}/{n}", **{"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_part_that_is_not_what_was_asked_for(server: Server, name: str) -> None:
    server.faults[MODEL] = data_only(WRONG[name])
    with pytest.raises(RemoteError, match="the server"):
        rows(server)


def test_another_total(server: Server) -> None:
    server.faults[MODEL] = data_only(claiming(lambda a, b, n: f"bytes {a}-{b}/{n + 1}"))
    with pytest.raises(MalformedFileError, match=r"grew from \d+ to \d+ bytes"):
        rows(server)


def test_no_ranges(server: Server) -> None:
    """The body, of however many gigabytes, is not read."""
    server.faults[MODEL] = lambda handler: answer(200, WEIGHTS)(handler)
    with pytest.raises(RemoteError, match=r"answers 200 with a whole body of \d+ bytes.*download"):
        rows(server)
    assert server.sent[MODEL] < len(WEIGHTS) / 2


def test_a_page_in_place_of_a_file_is_quoted(server: Server) -> None:
    page = b"<!doctype html><title>Please sign in</title>"
    server.faults[MODEL] = answer(200, page, Content_Type="text/html")
    with pytest.raises(MalformedFileError, match="a web page or XML, '<!doctype html><title>Please sign in"):
        rows(server)
    server.faults[MODEL] = answer(200, page + b" " * 200_000, Content_Type="text/html")
    with pytest.raises(RemoteError, match="begins b'<!doctype html><title>Please sign in"):
        rows(server)


@pytest.mark.parametrize(
    ("status", "step"), [(401, "a name and a password"), (403, "ask for access"), (404, "check the address")]
)
def test_refusals_have_their_next_step(server: Server, status: int, step: str) -> None:
    server.faults[MODEL] = data_only(answer(status, b'{"error": "so it is"}'))
    with pytest.raises(UnreadableError, match=step) as caught:
        rows(server)
    assert str(status) in caught.value.message
    assert "so it is" in caught.value.message


def test_a_server_that_asks_for_more_time_than_there_is(server: Server) -> None:
    server.faults[MODEL] = data_only(answer(429, Retry_After="3600"))
    with pytest.raises(RemoteError, match="429 and asks to wait 3600 s"):
        rows(server)


def test_retry_after_is_waited_for(server: Server) -> None:
    server.faults[MODEL] = data_only(times(1, answer(429, Retry_After="1")))
    began = time.monotonic()
    np.testing.assert_array_equal(rows(server), ROWS)
    assert time.monotonic() - began >= 1


def test_a_file_that_changes_stops_the_reader(server: Server) -> None:
    def change(handler: Handler) -> bool:
        handler.owner.etags[MODEL] = '"another"'
        return False

    server.faults[MODEL] = data_only(change)
    with pytest.raises(MalformedFileError, match=r"changed \(it was .* it is .another.\) while"):
        rows(server)


def test_a_loop_of_redirects(server: Server) -> None:
    server.faults[MODEL] = answer(302, Location=MODEL)
    with pytest.raises(RemoteError, match="redirects more than 5 times"):
        rows(server)


@pytest.mark.parametrize("place", ["ftp://127.0.0.1/x", "file:///etc/passwd", ""])
def test_redirects_lead_to_http_alone(server: Server, place: str) -> None:
    server.faults[MODEL] = answer(302, Location=place)
    with pytest.raises(RemoteError, match="redirects"):
        rows(server)


def test_headers_without_end(server: Server) -> None:
    server.faults[MODEL] = answer(206, X_Long="a" * 50_000, X_Longer="b" * 50_000)
    with pytest.raises(RemoteError, match="headers without end"):
        rows(server)


def test_no_http(server: Server) -> None:
    def fault(handler: Handler) -> bool:
        handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        handler.close_connection = True
        return True

    server.faults[MODEL] = fault
    with pytest.raises(RemoteError, match="no HTTP"):
        rows(server)


@pytest.mark.parametrize("phase", ["head", "drip", "body"])
def test_a_slow_server(server: Server, phase: str) -> None:
    """Nothing for longer than the time-out; or so little at a time that each wait is short."""

    def fault(handler: Handler) -> bool:
        if phase == "body":
            return cut(1000)(handler) if time.sleep(3) else True
        for letter in b"HTTP/1.1 206 Partial Content\r\n" if phase == "drip" else b"":
            handler.wfile.write(bytes([letter]))
            time.sleep(0.2)
        time.sleep(3)
        return True

    server.faults[MODEL] = data_only(fault)
    patience = Patience(timeout=0.4, attempts=2, pause=0.01)
    began = time.monotonic()
    with pytest.raises(RemoteError, match="too slowly"):
        rows(server, RemoteOptions(patience=patience))
    assert time.monotonic() - began < 3


def test_a_host_that_is_not_there() -> None:
    began = time.monotonic()
    with pytest.raises(RemoteError, match=r"cannot read .*check the network"):
        open_checkpoint("http://127.0.0.1:9/m/", remote=QUICK)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "url", ["https://", "http:///m", "http://[::1/m", "http://host:port/m", "ftp://host/m"]
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(RowscopeError, match=r"URL|address"):
        open_checkpoint(url)


def test_the_limit_is_told_before_a_table_is_fetched(server: Server) -> None:
    with pytest.raises(RemoteError, match=r"--max-download 10\.4MB") as caught:
        rows(server, RemoteOptions(max_download=1_000_000, patience=QUICK.patience))
    assert caught.value.code == "MAX_DOWNLOAD"
    assert sum(server.sent.values()) < 100_000
    np.testing.assert_array_equal(rows(server, RemoteOptions(max_download=10_400_000)), ROWS)
